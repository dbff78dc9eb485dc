// The dialog with former versions of the song, and of the line with the cursor.

import { button, byId, element } from "../shared/dom.js";
import { get, songPath } from "./api.js";

/** @import {SongVersion} from "./song-types.js" */
/** @import {Phrases, Studio} from "./types.js" */
/** @import {SongEditor} from "./song-editor.js" */
/** @import {Songs} from "./songs.js" */

const SHOWN = 100; // versions

export class Versions {
  /**
   * @param {Studio} studio
   * @param {SongEditor} editor
   * @param {Songs} songs
   * @param {() => void} restored
   */
  constructor(studio, editor, songs, restored) {
    this.studio = studio;
    this.editor = editor;
    this.songs = songs;
    this.restored = restored;
    this.dialog = byId("versions-dialog", HTMLDialogElement);
    byId("versions").addEventListener("click", () => this.open());
    byId("close-versions").addEventListener("click", () => this.dialog.close());
  }

  async open() {
    const t = this.studio.phrases();
    const { editor } = this;
    const { id } = editor.details[editor.current];
    await this.songs.keepVersion();
    /** @type {{versions: SongVersion[]}} */
    const { versions } = await get(`${songPath(this.songs.id)}/versions`).catch(() => ({ versions: [] }));
    const lines = lineVersions(versions, id, editor.lines[editor.current]);
    byId("line-versions-title").textContent = t.versionsOfLine(editor.current + 1);
    byId("line-versions").replaceChildren(...lines.map((line) => this.#lineItem(line, t)));
    byId("no-line-versions").hidden = lines.length > 0;
    const others = versions.filter((version) => textOf(version) !== editor.text).slice(0, SHOWN);
    byId("song-versions").replaceChildren(...others.map((version) => this.#songItem(version, t)));
    byId("no-song-versions").hidden = others.length > 0;
    this.dialog.showModal();
  }

  /** @param {SongVersion["lines"][number]} line @param {Phrases} t */
  #lineItem({ text, by }, t) {
    const take = button("", () => {
      const { from, to } = this.editor.view.state.doc.line(this.editor.current + 1);
      this.#restore(() => this.editor.type({ from, to, insert: text }));
    }, "song");
    take.append(element("strong", { textContent: text }), element("small", { textContent: writer(by, t) }));
    return element("li", {}, take);
  }

  /** @param {SongVersion} version @param {Phrases} t */
  #songItem(version, t) {
    const text = textOf(version);
    const filled = version.lines.filter((line) => line.text.trim());
    const names = [...new Set(filled.map(({ by }) => writer(by && { ...by, seed: null }, t)))];
    const summary = element("summary", { textContent: [t.date(version.at), t.lineCount(filled.length), ...names].join(" · ") });
    const take = button(t.restore, () => this.#restore(() => this.songs.restore(text)), "");
    return element("li", {}, element("details", {}, summary, element("p", { className: "former-text", textContent: text }), take));
  }

  /** @param {() => void} change */
  #restore(change) {
    this.dialog.close();
    change();
    this.restored();
    this.editor.focus();
  }
}

/** @param {SongVersion["lines"][number]["by"]} by @param {Phrases} t */
function writer(by, t) {
  return by ? t.byModel(by.model, by.seed) : t.byPerson;
}

/** @param {SongVersion} version */
function textOf({ lines }) {
  return lines.map(({ text }) => text).join("\n");
}

/**
 * The different texts that a line had, the newest first.
 * @param {SongVersion[]} versions the newest first
 * @param {number} id
 * @param {string} current its text now, which is left out
 */
export function lineVersions(versions, id, current) {
  const all = versions.flatMap(({ lines }) => lines.filter((line) => line.id === id && line.text.trim() && line.text !== current));
  return all.filter(({ text }, i) => all.findIndex((line) => line.text === text) === i);
}
