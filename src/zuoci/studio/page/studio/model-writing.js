// What models write into the song: whole texts as they arrive, other lines around locked ones, lines to choose from.

import { events, modelPath, post } from "./api.js";
import { redraftRequest } from "./line-requests.js";
import { lineSettings } from "./option-values.js";
import { Pace } from "./pace.js";
import { lyricIndices, sectionsOf, sungLines } from "./song-text.js";

/** @import {Author} from "./song-types.js" */
/** @import {CandidateLine, Message, Studio, WriteEnd} from "./types.js" */
/** @import {LineRequest} from "./line-requests.js" */
/** @import {SongEditor} from "./song-editor.js" */

const REDRAFT_CANDIDATES = 4; // of which one is taken
const PLACEHOLDER = "…"; // stands for a line that is still to be written
const SECTION_LINES = 4; // of a section without lines, if the form has no stanzas

export class ModelWriting {
  /**
   * @param {Studio} studio
   * @param {SongEditor} editor
   */
  constructor(studio, editor) {
    this.studio = studio;
    this.editor = editor;
    /** @type {Pace<string> | null} */
    this.pace = null;
  }

  get path() {
    return modelPath(this.studio.model);
  }

  /** Shows nothing more of what has arrived. */
  stop() {
    this.pace?.stop();
  }

  /**
   * Writes a text at the end of the song.
   * @param {string} opening what the model reads first
   * @param {boolean} shown whether the opening stands in the song already
   * @param {Record<string, any>} settings
   * @param {AbortSignal} signal
   */
  async draft(opening, shown, settings, signal) {
    let text = "";
    let unknown = "";
    /** @type {WriteEnd | null} */
    let end = null;
    /** @type {Author} */
    let author = { model: this.studio.model, seed: null, settings };
    /** @type {Pace<string>} */
    const pace = new Pace((characters) => {
      const before = text.replace(/^\n+/, "");
      text += characters.join("");
      const insert = text.replace(/^\n+/, "").slice(before.length);
      if (insert && !signal.aborted) this.editor.write({ from: this.editor.text.length, insert }, author);
    });
    this.pace = pace;
    for await (const { event, data } of events("POST", `${this.path}/write`, { ...settings, opening }, signal)) {
      if (event === "begin") {
        unknown = data.unknown;
        author = { ...author, seed: data.seed };
        this.#makeRoom(shown, author);
        if (!shown) pace.push(...data.opening);
      } else if (event === "piece") pace.push(...data.text);
      else if (event === "end") end = data;
    }
    await pace.done();
    signal.throwIfAborted(); // everything had arrived, but not everything was shown
    this.#trimEnd(author);
    if (end) this.#markSections(end, author);
    return { unknown, end: /** @type {WriteEnd | null} */ (end) };
  }

  /** Puts marks such as [Chorus] above the sections of the text that the song ends with. @param {WriteEnd} end @param {Author} author */
  #markSections({ text, sections }, author) {
    const characters = [...text.trimEnd()]; // the server counts these
    const changes = sections.map(([start, mark]) => ({
      from: this.editor.text.length - characters.slice(start).join("").length,
      insert: `[${mark}]\n`,
    }));
    if (changes.length) this.editor.write(changes, author);
  }

  /** Clears the song, or begins a new stanza at its end. @param {boolean} continues @param {Author} author */
  #makeRoom(continues, author) {
    const { text } = this.editor;
    const kept = continues ? text.trimEnd() : "";
    const insert = kept ? "\n\n" : "";
    this.editor.write({ from: kept.length, to: text.length, insert }, author);
  }

  /** @param {Author} author */
  #trimEnd(author) {
    const { text } = this.editor;
    const end = text.trimEnd().length;
    if (end < text.length) this.editor.write({ from: end, to: text.length }, author);
  }

  /**
   * Writes every line anew that is not locked, and lines for sections without any.
   * @param {Record<string, any>} settings
   * @param {AbortSignal} signal
   * @param {(note: Message) => void} note
   * @returns {Promise<number>} the lines of the song
   */
  async redraft(settings, signal, note) {
    const author = { model: this.studio.model, seed: null, settings: lineSettings(settings) };
    this.#addPlaceholders(settings, author);
    try {
      const { lines, details } = this.editor;
      for (const i of lyricIndices(lines)) {
        const { id } = details[i];
        const { rows, n } = this.rowsAround(id);
        if (n < 0 || rows[n].locked || rows[n].text !== lines[i]) continue; // or it was written in step with a chorus
        note((t) => t.rewriting(n + 1));
        const found = await this.#post(redraftRequest(rows, n, settings, rows.length, REDRAFT_CANDIDATES), signal);
        signal.throwIfAborted();
        const { text } = found[Math.floor(Math.random() * found.length)]; // always the best would be dull
        this.editor.writeLine(id, text, author);
      }
    } finally {
      this.#removePlaceholders(author);
    }
    return lyricIndices(this.editor.lines).length;
  }

  /** The lines that are sung, and which of them has an id. @param {number} id */
  rowsAround(id) {
    const { lines, details } = this.editor;
    const indices = lyricIndices(lines);
    const rows = indices.map((i) => ({ text: lines[i], locked: details[i].locked }));
    return { rows, n: indices.findIndex((i) => details[i].id === id) };
  }

  /** @param {Record<string, any>} settings @param {Author} author */
  #addPlaceholders(settings, author) {
    const { doc } = this.editor.view.state;
    const size = Number(String(settings.stanza ?? "").split(",")[0]) || SECTION_LINES;
    const row = `\n${PLACEHOLDER}`;
    const empty = sectionsOf(this.editor.lines).filter(({ from, to }) => to === from);
    const changes = empty.map(({ header }) => ({ from: doc.line(header + 1).to, insert: row.repeat(size) }));
    const missing = empty.length ? 0 : (settings.lines ?? 0) - lyricIndices(this.editor.lines).length;
    if (missing > 0) changes.push({ from: doc.length, insert: row.repeat(missing) });
    if (changes.length) this.editor.write(changes, author);
  }

  /** Removes the placeholders that are left. @param {Author} author */
  #removePlaceholders(author) {
    const { doc } = this.editor.view.state;
    /** @type {{from: number, to: number}[]} */
    const changes = [];
    for (let number = 1; number <= doc.lines; number++) {
      const line = doc.line(number);
      if (line.text === PLACEHOLDER) changes.push({ from: Math.max(line.from - 1, 0), to: line.to });
    }
    if (changes.length) this.editor.sweep(changes, author);
  }

  /**
   * The lines that the first of some requests with an answer finds.
   * @param {LineRequest[]} requests
   * @param {AbortSignal} signal
   * @returns {Promise<CandidateLine[]>}
   */
  async candidates(requests, signal) {
    for (const [n, request] of requests.entries()) {
      try {
        return await this.#post(request, signal);
      } catch (error) {
        if (signal.aborted || n === requests.length - 1) throw error;
      }
    }
    return [];
  }

  /** @param {LineRequest} request @param {AbortSignal} signal @returns {Promise<CandidateLine[]>} */
  async #post({ route, body }, signal) {
    return (await post(`${this.path}/${route}`, body, signal)).candidates;
  }

  /** The song as a model reads it. */
  get sung() {
    return sungLines(this.editor.lines).texts.join("\n");
  }
}
