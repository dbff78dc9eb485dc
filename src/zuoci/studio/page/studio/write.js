// The view "Write": a song in an editor, what models write into it, and the settings for that. Every text is checked for
// rhymes and copied spans once it has stopped changing.

import { buttonById, byId, copyText, inputById, readStorage, setStatus, writeStorage } from "../shared/dom.js";
import { isAbort, modelPath, post } from "./api.js";
import { CheckedText } from "./checked-text.js";
import { toggleLock, moveLine, selectedLyrics } from "./line-drag.js";
import { ModelWriting } from "./model-writing.js";
import { Options } from "./options.js";
import { Shelf } from "./shelf.js";
import { SongEditor } from "./song-editor.js";
import { countSyllables, kindOf, sectionsOf } from "./song-text.js";
import { Songs } from "./songs.js";
import { Suggestions } from "./suggestions.js";
import { Versions } from "./versions.js";

/** @import {Message, Studio, View} from "./types.js" */

const STORAGE_KEY = "zuoci write";
const TYPING_PAUSE = 300; // milliseconds without a change before a text is checked

/** @implements {View} */
export class WriteView {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    /** @type {AbortController | null} */
    this.running = null; // what is being written
    /** @type {Message[]} */
    this.notes = []; // what was done last, for the status line
    this.checked = new CheckedText();
    this.checking = 0; // timer
    this.edited = -1; // id of the line that the person has edited last
    const { phrases } = studio;
    this.suggestions = new Suggestions(this);
    this.editor = new SongEditor(byId("editor"), {
      checked: this.checked,
      phrases,
      list: this.suggestions.actions,
      keys: {
        "Mod-Enter": () => this.suggestions.open(),
        "Alt-r": () => this.suggestions.rewrite(),
        "Alt-l": () => this.#lock(),
        "Alt-s": () => this.#like(),
      },
      updated: (update) => this.#updated(update),
      notify: (event) => this.note((t) => t[event]),
    });
    this.writing = new ModelWriting(studio, this.editor);
    this.songs = new Songs(studio, this.editor, { changed: () => this.#changed([]), note: (note) => this.note(note) });
    this.shelf = new Shelf(this.songs, phrases, (text) => this.#insert(text));
    this.versions = new Versions(studio, this.editor, this.songs, () => this.note((t) => t.restored));
    this.options = new Options(byId("options"), studio.session, () => this.#store());
    this.#listen();
    this.#restore();
  }

  #listen() {
    if (matchMedia("(max-width: 52rem)").matches) byId("settings", HTMLDetailsElement).open = false;
    /** @type {Record<string, () => void>} */
    const actions = {
      write: () => this.write(),
      stop: () => this.stop(),
      continue: () => this.continue(),
      undo: () => this.editor.run("undo"),
      redo: () => this.editor.run("redo"),
      find: () => this.editor.run("find"),
      copy: () => copyText(this.editor.text).then(() => this.note((t) => t.copiedText)),
      clear: () => this.editor.type({ from: 0, to: this.editor.text.length }),
      suggest: () => this.suggestions.open(),
      rewrite: () => this.suggestions.rewrite(),
      lock: () => this.#lock(),
      "move-up": () => this.#move(-1),
      "move-down": () => this.#move(1),
      "add-verse": () => this.#addSection("verse"),
      "add-chorus": () => this.#addSection("chorus"),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    // With a finger on a button of the line, the keyboard stays as it is.
    for (const id of ["line-tools", "actions"]) byId(id).addEventListener("mousedown", (event) => event.preventDefault());
    const opening = inputById("opening");
    opening.addEventListener("input", () => this.#store());
    opening.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && this.write());
    byId("write-view").addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
  }

  /** The song as a model reads it. */
  get text() {
    return this.writing.sung;
  }

  showPhrases() {
    const t = this.studio.phrases();
    for (const [id, hint] of Object.entries({ suggest: t.suggestHint, rewrite: t.rewriteHint, lock: t.lockHint })) {
      byId(id).title = hint;
    }
    this.options.showPhrases(t);
    this.editor.showPhrases();
    this.songs.showPhrases();
    this.show();
  }

  show() {
    this.shelf.show();
    this.#showState();
  }

  changeModel() {
    this.checked.forgetAll();
    this.#check();
  }

  // Whole texts

  /** Writes a new text; locked lines, sections and comments stay. */
  async write() {
    const { lines, details } = this.editor;
    const settings = this.options.values();
    const kept = lines.some((line, i) => line.trim() && (details[i].locked || kindOf(line) !== "lyric"));
    await this.work(async ({ signal }) => {
      this.note((t) => t.writing);
      if (!kept) return this.#draft(inputById("opening").value, false, settings, signal);
      const count = await this.writing.redraft(settings, signal, (note) => this.note(note));
      return [(t) => t.wrote({ lines: count, seed: null })];
    });
  }

  async continue() {
    const settings = this.options.values();
    for (const name of ["word", "acrostic", "line_opening"]) delete settings[name]; // fulfilled above
    await this.work(({ signal }) => {
      this.note((t) => t.writing);
      return this.#draft(`${this.text}\n`, true, settings, signal);
    });
  }

  /** @param {string} opening @param {boolean} continues @param {Record<string, any>} settings @param {AbortSignal} signal */
  async #draft(opening, continues, settings, signal) {
    const { unknown, end } = await this.writing.draft(opening, continues, settings, signal);
    if (!continues && end) this.checked.update(end);
    const lines = this.editor.lines.filter((line) => kindOf(line) === "lyric").length;
    /** @type {Message[]} */
    const notes = [(t) => t.wrote({ lines, seed: end?.seed ?? null })];
    if (unknown && !continues) notes.push((t) => t.unknown(unknown));
    return notes;
  }

  stop() {
    this.running?.abort();
    this.writing.stop();
  }

  /** Runs work that can be stopped. @param {(run: AbortController) => Promise<Message[]>} work returns what to report */
  async work(work) {
    const limit = this.studio.session.limits.text;
    const characters = [...this.editor.text].length;
    if (characters > limit) return this.note((t) => t.tooLong(characters, limit));
    this.stop();
    const run = (this.running = new AbortController());
    this.checked.forgetText();
    this.#showState();
    if (this.songs.saver?.unsaved) await this.songs.keepVersion();
    /** @type {Message[]} */
    let notes;
    try {
      notes = await work(run);
    } catch (error) {
      notes = [isAbort(error) ? (t) => t.stopped : this.studio.describeError(error, this.options)];
    }
    if (this.running !== run) return undefined; // other work has begun
    this.running = null;
    this.songs.changed(true);
    this.#changed(notes);
    return undefined;
  }

  // Single lines

  #lock() {
    const indices = selectedLyrics(this.editor.view.state);
    toggleLock(this.editor.view, indices);
    const [first] = indices;
    if (first === undefined) return this.note((t) => t.noLine);
    const { locked } = this.editor.details[first];
    return this.note((t) => t[locked ? "locked" : "unlocked"](first + 1));
  }

  #like() {
    const text = this.editor.lines[this.editor.current];
    if (kindOf(text) === "lyric") this.shelf.toggle(text);
    else this.note((t) => t.noLine);
  }

  /** Puts a line from the shelf into the song: on the line with the cursor if it is empty, else under it. @param {string} text */
  #insert(text) {
    const { current, lines } = this.editor;
    const { from, to } = this.editor.view.state.doc.line(current + 1);
    if (lines[current].trim()) this.editor.type({ from: to, insert: `\n${text}` }, current + 1);
    else this.editor.type({ from, to, insert: text }, current);
    this.editor.focus();
  }

  /** @param {number} step */
  #move(step) {
    const number = this.editor.current + 1;
    const target = step > 0 ? number + 2 : number - 1;
    if (target >= 1 && target <= this.editor.lines.length + 1) moveLine(this.editor.view, number, target);
  }

  /** Begins a section under the cursor's; a chorus brings the lines of an earlier one. @param {"verse" | "chorus"} kind */
  #addSection(kind) {
    const { lines, current } = this.editor;
    const name = this.studio.phrases()[kind];
    const here = sectionsOf(lines).find(({ header, to }) => header <= current && current < to);
    const last = here ? here.to : lines.length;
    const { doc } = this.editor.view.state;
    const at = this.editor.text.trim() ? doc.line(last).to : doc.length;
    const before = this.editor.text.trim() ? (here || lines.at(-1)?.trim() ? "\n\n" : "\n") : "";
    const index = doc.lineAt(at).number - 1 + before.length;
    this.editor.type({ from: at, insert: before + name }, index);
    if (!this.editor.repeatSection()) this.editor.type({ from: this.editor.view.state.doc.line(index + 1).to, insert: "\n" }, index + 1);
    this.editor.focus();
  }

  // Changes

  /** @param {{changed: boolean, elsewhere: boolean, moved: boolean, byPerson: boolean}} update */
  #updated({ changed, elsewhere, moved, byPerson }) {
    if (elsewhere) return;
    if (changed && byPerson && this.running) this.stop(); // the person goes on alone
    if (changed && !this.running) {
      const { id } = this.editor.details[this.editor.current];
      this.songs.changed(byPerson && this.edited >= 0 && this.edited !== id);
      this.edited = id;
      this.#changed([]);
    } else if (moved) this.#showLine();
  }

  async #check() {
    const { text } = this;
    if (!text.trim() || !this.studio.model) return;
    const { rhyme_standard, reading } = this.options.values();
    try {
      const check = await post(`${modelPath(this.studio.model)}/check`, { text, rhyme_standard, reading });
      if (text !== this.text) return;
      this.checked.update(check);
      this.editor.refresh();
      this.#showStatus();
    } catch (error) {
      this.checked.forgetText();
      this.note(this.studio.describeError(error, this.options));
    }
  }

  /** The text has changed: it is checked after a while. @param {Message[]} notes */
  #changed(notes) {
    this.notes = notes;
    this.#store();
    this.#showState();
    this.shelf.show();
    clearTimeout(this.checking);
    if (!this.running) this.checking = setTimeout(() => this.#check(), TYPING_PAUSE);
  }

  // What is shown

  /** @param {Message} note */
  note(note) {
    this.notes = [note];
    this.#showStatus();
  }

  #showState() {
    const busy = this.running !== null;
    const empty = !this.editor.text.trim();
    const focused = document.activeElement;
    byId("write").hidden = busy;
    byId("stop").hidden = !busy;
    if (focused?.id === "write" && busy) byId("stop").focus();
    if (focused?.id === "stop" && !busy) byId("write").focus();
    buttonById("undo").disabled = busy || !this.editor.canUndo;
    buttonById("redo").disabled = busy || !this.editor.canRedo;
    for (const id of ["continue", "copy", "clear"]) buttonById(id).disabled = busy || empty;
    if (focused instanceof HTMLButtonElement && focused.disabled) this.editor.focus(); // or nothing would have the focus
    this.#showStatus();
  }

  #showStatus() {
    const t = this.studio.phrases();
    const parts = this.notes.map((note) => note(t));
    if (!this.running && this.editor.text.trim()) {
      const { rhymes, scheme, copied } = this.checked;
      if (rhymes) parts.push(t.scheme(scheme));
      if (copied) parts.push(t.copied(copied.count, copied.longest, this.studio.session.constants.copy_window));
    }
    setStatus(byId("status"), parts.join(" · "));
    this.#showLine();
  }

  /** Shows what is known of the line with the cursor. */
  #showLine() {
    const t = this.studio.phrases();
    const { current, lines, details } = this.editor;
    const line = lines[current];
    const lyric = kindOf(line) === "lyric";
    const { locked } = details[current];
    byId("lock").textContent = lyric && locked ? t.unlock : t.lock;
    const sources = this.checked.marks(line, t.copiedFrom).map(({ source }) => source);
    const about = { number: current + 1, syllables: countSyllables(line), letter: this.checked.letter(line), locked };
    byId("line-status").textContent = lyric ? t.lineStatus({ ...about, sources: [...new Set(sources)] }) : "";
  }

  #store() {
    if (!this.songs.saver) return; // what an earlier zuoci has stored is not a song yet
    writeStorage(STORAGE_KEY, { song: this.songs.id, opening: inputById("opening").value, options: this.options.stored() });
  }

  #restore() {
    const { rows, opening, options, song } = readStorage(STORAGE_KEY);
    inputById("opening").value = typeof opening === "string" ? opening : "";
    this.options.fill(options ?? {});
    this.songs.start(typeof song === "string" ? song : "", storedRows(rows));
  }
}

/** The rows that an earlier zuoci has stored, as far as they can be used. @param {unknown} rows */
export function storedRows(rows) {
  const all = /** @type {any[]} */ (Array.isArray(rows) ? rows : []);
  const valid = all.filter((row) => typeof row?.text === "string");
  return valid.map(({ text, locked }) => ({ text, locked: locked === true }));
}
