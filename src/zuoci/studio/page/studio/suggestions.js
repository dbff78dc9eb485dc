// Lines to choose from for the line with the cursor: which kinds there are, what is asked for them, and what is done with
// the one that is taken.

import { isAbort } from "./api.js";
import { openList, setList } from "./candidate-list.js";
import { indexOfLine } from "./line-details.js";
import { placeRequests } from "./line-requests.js";
import { lineSettings } from "./option-values.js";
import { kindOf, lyricIndices } from "./song-text.js";

/** @import {CandidateLine} from "./types.js" */
/** @import {CandidateMode, ListActions} from "./write-types.js" */
/** @import {WriteView} from "./write.js" */

const CANDIDATES = 8;
/** @type {CandidateMode[]} */
const REPLACEMENTS = ["replace", "alike", "shorter", "longer", "rhyme"];

export class Suggestions {
  /** @param {WriteView} view */
  constructor(view) {
    this.view = view;
    /** @type {AbortController | null} */
    this.asking = null;
    /** @type {Set<string>} */
    this.seen = new Set(); // candidates that were shown for this line
    this.next = { key: "", texts: /** @type {string[]} */ ([]) }; // the next lines for `rewrite`
    /** @type {ListActions} */
    this.actions = {
      take: (text) => this.#take(text),
      mode: (mode) => this.#show(mode),
      selected: (text) => view.note(() => text),
      like: (text) => {
        view.shelf.toggle(text);
        const list = openList(view.editor.view.state);
        if (list) view.editor.view.dispatch({ effects: setList.of({ ...list }) });
      },
      isLiked: (text) => view.shelf.has(text),
    };
  }

  /** Opens the list for the line with the cursor; if it is open, shows others. */
  open() {
    const { editor, running } = this.view;
    if (running) return undefined;
    const list = openList(editor.view.state);
    if (list) return this.#show(list.mode);
    this.seen.clear();
    const [mode] = this.#modes();
    return mode ? this.#show(mode) : this.view.note((t) => t.noLine);
  }

  /** The kinds of lines that there are for the line with the cursor, the most likely one first. @returns {CandidateMode[]} */
  #modes() {
    const { editor } = this.view;
    const kind = kindOf(editor.lines[editor.current]);
    if (kind === "empty") return ["fill"];
    if (kind !== "lyric") return [];
    if (!editor.atLineEnd) return REPLACEMENTS;
    const own = editor.details[editor.current].by === null;
    return own ? ["complete", ...REPLACEMENTS] : [...REPLACEMENTS, "complete"];
  }

  /** @param {CandidateMode} mode */
  async #show(mode) {
    const { editor } = this.view;
    const former = openList(editor.view.state);
    const line = editor.details[editor.current].id;
    const modes = former?.line === line ? former.modes : this.#modes();
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const base = { line, mode, modes, selected: 0 };
    /** @param {{items: {text: string, note?: string}[] | null, note: string}} found */
    const show = (found) => editor.view.dispatch({ effects: setList.of({ ...base, ...found }) });
    show({ items: null, note: "" });
    const t = this.view.studio.phrases();
    try {
      const lines = await this.#find(mode, asking.signal);
      if (asking.signal.aborted || !openList(editor.view.state)) return;
      for (const { text } of lines) this.seen.add(text);
      const items = lines.map((found) => ({ text: found.text, note: this.#copied(found) }));
      show({ items, note: items.length ? "" : t.noCandidates });
      this.view.note((now) => (items.length ? now.found(items.length, items[0].text) : now.noCandidates));
    } catch (error) {
      if (isAbort(error) || asking.signal.aborted) return;
      const message = this.view.studio.describeError(error, this.view.options);
      show({ items: [], note: message(t) });
      this.view.note(message);
    }
  }

  /** @param {CandidateLine} line */
  #copied({ longest_copied: copied }) {
    const { studio } = this.view;
    return (copied ?? 0) >= studio.session.constants.copy_window ? studio.phrases().copiedCharacters(copied ?? 0) : "";
  }

  /** Lines for the line with the cursor, without those that were shown already. @param {CandidateMode} mode @param {AbortSignal} signal */
  async #find(mode, signal) {
    const { editor, writing, options } = this.view;
    const { current, lines, details } = editor;
    const indices = lyricIndices(lines);
    const before = indices.filter((i) => i < current).length;
    const rows = indices.map((i) => ({ text: lines[i], locked: details[i].locked }));
    if (mode === "fill") rows.splice(before, 0, { text: "", locked: false });
    const place = { rows, n: before, text: writing.sung };
    const values = options.values();
    const found = await writing.candidates(placeRequests(mode, place, values, CANDIDATES), signal);
    const words = this.#ownWords(values.word ?? [], lines, current);
    const fit = found.filter(({ text }) => text !== lines[current] && !this.seen.has(text));
    return mode === "fill" || mode === "complete" ? fit : fit.filter(({ text }) => words.every((word) => text.includes(word)));
  }

  /** The required words that stand in this line only: another one must have them, too. @param {string[]} words @param {string[]} lines @param {number} current */
  #ownWords(words, lines, current) {
    return words.filter((word) => lines[current].includes(word) && !lines.some((line, i) => i !== current && line.includes(word)));
  }

  /** @param {string} text */
  #take(text) {
    const { editor, studio, options } = this.view;
    const list = openList(editor.view.state);
    const index = list ? indexOfLine(editor.view.state, list.line) : -1;
    if (!list || index < 0) return;
    this.view.songs.changed(true); // the former line stays among the versions
    editor.writeLine(list.line, text, { model: studio.model, seed: null, settings: lineSettings(options.values()) });
    editor.moveTo(index);
    editor.view.dispatch({ effects: setList.of(null) });
    this.view.songs.changed(true);
    this.view.note((t) => t.taken(index + 1));
    editor.focus();
  }

  /** Replaces the line with the cursor; asked again, takes the next of the lines that were found. */
  async rewrite() {
    const { view } = this;
    const { editor } = view;
    if (view.running) return;
    const { current, lines, details } = editor;
    if (kindOf(lines[current]) !== "lyric") return view.note((t) => t.noLine);
    const { id } = details[current];
    await view.work(async ({ signal }) => {
      view.note((t) => t.rewriting(current + 1));
      const key = lines.with(current, "").join("\n");
      if (this.next.key !== key || !this.next.texts.length) {
        this.seen.clear();
        this.next = { key, texts: (await this.#find("replace", signal)).map(({ text }) => text) };
      }
      const text = this.next.texts.shift();
      if (!text) return [(t) => t.noCandidates];
      const settings = lineSettings(view.options.values());
      editor.writeLine(id, text, { model: view.studio.model, seed: null, settings });
      return [(t) => t.rewritten(current + 1)];
    });
    editor.focus();
  }
}
