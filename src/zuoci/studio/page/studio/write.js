// The view "Write": a sheet of lines and the settings for them. Whole texts are written, single lines rewritten, and
// every text is checked for rhymes and copied spans once it has stopped changing.

import { buttonById, byId, copyText, inputById } from "../shared/dom.js";
import { readStorage, saveText, setStatus, writeStorage } from "../shared/dom.js";
import { Sheet, lineOf, tidy } from "../shared/sheet.js";
import { events, isAbort, modelPath, post } from "./api.js";
import { CheckedText } from "./checked-text.js";
import { redraftRequest, rewriteRequest } from "./line-requests.js";
import { LineTools } from "./line-tools.js";
import { Options } from "./options.js";
import { Pace } from "./pace.js";

/** @import {Candidate, Row} from "../shared/types.js" */
/** @import {CandidateLine, Message, Studio, View, WriteEnd} from "./types.js" */

const STORAGE_KEY = "zuoci write";
const CANDIDATES = 8;
const REDRAFT_CANDIDATES = 4; // of which one is taken
const TYPING_PAUSE = 300; // milliseconds without a change before a text is checked
const PLACEHOLDER = "…"; // stands for a line that is still to be written

/** @implements {View} */
export class WriteView {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    /** @type {AbortController | null} */
    this.running = null; // what is being written
    /** @type {Pace<string> | null} */
    this.pace = null;
    /** @type {Message[]} */
    this.notes = []; // what was done last, for the status line
    this.checked = new CheckedText();
    this.checking = 0; // timer
    /** @type {Set<string>} */
    this.rejected = new Set(); // candidates
    this.replacements = { key: "", texts: /** @type {string[]} */ ([]) }; // the next ones for a line that is rewritten
    this.tools = new LineTools(
      (i) => this.#rewrite(i),
      (i) => this.sheet.lock(i, !this.sheet.rows[i].locked),
    );
    this.sheet = this.#newSheet();
    this.options = new Options(byId("options"), studio.session, () => this.#store());
    this.#restore();
    this.#listen();
    this.#check();
  }

  /** @returns {Sheet} */
  #newSheet() {
    const { phrases } = this.studio;
    return new Sheet(byId("lines"), {
      phrases,
      busy: () => this.running !== null,
      home: byId("opening"),
      marks: (lines) => lines.map((line) => this.checked.marks(line, phrases().copiedFrom)),
      letters: (lines) => lines.map((line) => this.checked.letter(line)),
      suggest: (i) => this.#suggest(i),
      rejected: (text) => this.rejected.add(text),
      changed: () => this.#changed(),
      decorate: (item, i, marks) => {
        const line = { ...this.sheet.rows[i], number: this.sheet.lineNumber(i), marks };
        this.tools.show(item, i, line, phrases());
      },
      notify: (event, number) => this.#note((t) => t[event](number)),
    });
  }

  #listen() {
    if (matchMedia("(max-width: 52rem)").matches) byId("settings", HTMLDetailsElement).open = false;
    /** @type {Record<string, () => void>} */
    const actions = {
      write: () => this.write(),
      stop: () => this.stop(),
      continue: () => this.continue(),
      undo: () => this.#travel("undo"),
      redo: () => this.#travel("redo"),
      copy: () => copyText(this.sheet.lines.join("\n")).then(() => this.#note((t) => t.copiedText)),
      save: () => saveText(this.sheet.lines, this.sheet.lines[0] || "zuoci"),
      clear: () => this.#clear(),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    const opening = inputById("opening");
    opening.addEventListener("input", () => this.#store());
    opening.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && this.write());
    document.addEventListener("keydown", (event) => byId("write-view").hidden || this.#key(event));
  }

  get text() {
    return this.sheet.lines.join("\n");
  }

  get #path() {
    return modelPath(this.studio.model);
  }

  showPhrases() {
    this.sheet.close();
    this.options.showPhrases(this.studio.phrases());
    this.show();
  }

  show() {
    this.sheet.show();
    this.#showState();
  }

  changeModel() {
    this.checked.forgetAll();
    this.replacements.key = "";
    this.#check();
  }

  // Whole texts

  /** Writes a new text; locked lines stay. */
  async write() {
    if (this.sheet.rows.some(({ locked }) => locked)) await this.#redraft();
    else await this.#draft(inputById("opening").value, []);
  }

  continue() {
    return this.#draft(`${this.text}\n`, [...this.sheet.rows, { text: "", locked: false }]);
  }

  stop() {
    this.running?.abort();
    this.pace?.stop();
  }

  /** Writes a text and shows it as it arrives. @param {string} opening @param {Row[]} kept rows above it */
  async #draft(opening, kept) {
    const continues = kept.length > 0;
    const settings = this.options.values();
    if (continues) for (const name of ["word", "acrostic", "line_opening"]) delete settings[name]; // fulfilled above
    await this.#work(async ({ signal }) => {
      this.#note((t) => t.writing);
      this.sheet.change(kept);
      this.sheet.show();
      const { unknown, end } = await this.#receive({ opening, ...settings }, kept, signal);
      this.sheet.rows = tidy(this.sheet.rows.map((row) => ({ ...row, text: row.text.trimEnd() })));
      if (!continues && end) this.checked.update(end);
      const lines = this.sheet.lines.filter(Boolean).length;
      /** @type {Message[]} */
      const notes = [(t) => t.wrote({ lines, seed: end?.seed ?? null })];
      if (unknown && !continues) notes.push((t) => t.unknown(unknown));
      return notes;
    });
  }

  /**
   * Shows what the server writes, a few characters at a time.
   * @param {object} body
   * @param {Row[]} kept rows above it
   * @param {AbortSignal} signal
   */
  async #receive(body, kept, signal) {
    let text = "";
    let unknown = "";
    /** @type {WriteEnd | null} */
    let end = null;
    /** @type {Pace<string>} */
    const pace = new Pace((characters) => {
      text += characters.join("");
      const lines = text.replace(/^\n+/, "").split("\n");
      this.sheet.rows = [...kept, ...lines.map((line) => ({ text: line, locked: false }))];
      this.sheet.show(Math.max(kept.length + lines.length - characters.length - 1, 0));
      byId("blank").hidden = true;
    });
    this.pace = pace;
    for await (const { event, data } of events("POST", `${this.#path}/write`, body, signal)) {
      if (event === "begin") {
        unknown = data.unknown;
        if (!kept.length) pace.push(...data.opening);
      } else if (event === "piece") pace.push(...data.text);
      else if (event === "end") end = data;
    }
    await pace.done();
    signal.throwIfAborted(); // everything had arrived, but not everything was shown
    return { unknown, end: /** @type {WriteEnd | null} */ (end) };
  }

  /** Writes every line anew that is not locked, one after the other. */
  async #redraft() {
    const settings = this.options.values();
    await this.#work(async ({ signal }) => {
      this.sheet.change(this.sheet.rows);
      const count = this.sheet.lines.filter(Boolean).length;
      const wanted = Math.max(settings.lines ?? 0, count);
      const more = Array.from({ length: wanted - count }, () => ({ text: PLACEHOLDER, locked: false }));
      this.sheet.rows = [...this.sheet.rows, ...more];
      const places = this.sheet.rows.flatMap(({ text }, i) => (text ? [i] : []));
      for (const [n, i] of places.entries()) {
        if (this.sheet.rows[i].locked) continue;
        this.#note((t) => t.rewriting(n + 1));
        const rows = places.map((place) => this.sheet.rows[place]);
        const lines = await this.#lines(redraftRequest(rows, n, settings, wanted, REDRAFT_CANDIDATES), signal);
        const { text } = lines[Math.floor(Math.random() * lines.length)]; // always the best would be dull
        this.sheet.rows = this.sheet.rows.with(i, { text, locked: false });
        this.sheet.show(i);
      }
      return [(t) => t.wrote({ lines: wanted, seed: null })];
    });
  }

  /**
   * @param {{route: string, body: object}} request
   * @param {AbortSignal} [signal]
   * @returns {Promise<CandidateLine[]>}
   */
  async #lines({ route, body }, signal) {
    return (await post(`${this.#path}/${route}`, body, signal)).candidates;
  }

  /**
   * Runs work that can be stopped. If it fails with nothing written, the former text comes back.
   * @param {(run: AbortController) => Promise<Message[]>} work returns what to report
   */
  async #work(work) {
    this.stop();
    this.sheet.close();
    const run = (this.running = new AbortController());
    const before = this.sheet.rows;
    this.checked.forgetText();
    this.#showState();
    try {
      this.notes = await work(run);
    } catch (error) {
      this.notes = [isAbort(error) ? (t) => t.stopped : this.studio.describeError(error, this.options)];
    }
    if (this.running !== run) return; // other work has begun
    this.running = null;
    if (!this.sheet.lines.some(Boolean)) {
      this.sheet.rows = before;
      this.sheet.past.pop();
    }
    this.sheet.rows = tidy(this.sheet.rows).filter(({ text }) => text !== PLACEHOLDER);
    this.sheet.show();
    this.#changed(this.notes);
  }

  // Single lines

  /** @param {number} i @returns {Promise<Candidate[]>} */
  async #suggest(i) {
    const t = this.studio.phrases();
    const window = this.studio.session.constants.copy_window;
    try {
      const lines = await this.#otherLines(i);
      return lines.slice(0, CANDIDATES).map(({ text, longest_copied: copied }) => ({
        text,
        note: (copied ?? 0) >= window ? t.copiedCharacters(copied ?? 0) : "",
      }));
    } catch (error) {
      throw new Error(this.studio.describeError(error, this.options)(t));
    }
  }

  /** Lines that could replace a line, without those that were rejected. @param {number} i */
  async #otherLines(i) {
    const request = rewriteRequest(this.text, this.sheet.lineNumber(i), this.options.values(), CANDIDATES);
    const current = this.sheet.lines[i];
    const lines = await this.#lines(request);
    return lines.filter(({ text }) => text !== current && !this.rejected.has(text));
  }

  /** Replaces a line; asked again, takes the next of the lines that were found. @param {number} i */
  async #rewrite(i) {
    if (this.running) return;
    const number = this.sheet.lineNumber(i);
    await this.#work(async () => {
      this.#note((t) => t.rewriting(number));
      const key = this.sheet.lines.with(i, "").join("\n");
      if (this.replacements.key !== key || !this.replacements.texts.length) {
        this.replacements = { key, texts: (await this.#otherLines(i)).map(({ text }) => text) };
      }
      const text = this.replacements.texts.shift();
      if (!text) return [(t) => t.noCandidates];
      this.sheet.change(this.sheet.rows.with(i, { ...this.sheet.rows[i], text }));
      return [(t) => t.rewritten(number)];
    });
    const item = this.sheet.item(i);
    if (item) lineOf(item).focus();
  }

  // Checks

  async #check() {
    const { text } = this;
    if (!text.trim() || !this.studio.model) return;
    const { rhyme_standard, reading } = this.options.values();
    try {
      const opening = inputById("opening").value;
      const check = await post(`${this.#path}/check`, { text, opening, rhyme_standard, reading });
      if (text !== this.text) return;
      this.checked.update(check);
      this.sheet.show();
      this.#showStatus();
    } catch (error) {
      this.checked.forgetText();
      this.#note(this.studio.describeError(error, this.options));
    }
  }

  /** The text has changed: it is shown, stored, and checked after a while. @param {Message[]} [notes] */
  #changed(notes = []) {
    this.notes = notes;
    this.#showState();
    this.#store();
    clearTimeout(this.checking);
    if (!this.running) this.checking = setTimeout(() => this.#check(), TYPING_PAUSE);
  }

  // What is shown

  /** @param {Message} note */
  #note(note) {
    this.notes = [note];
    this.#showStatus();
  }

  #showState() {
    const busy = this.running !== null;
    const empty = this.sheet.rows.length === 0;
    byId("blank").hidden = !empty || busy;
    byId("write").hidden = busy;
    byId("stop").hidden = !busy;
    buttonById("undo").disabled = busy || !this.sheet.past.length;
    buttonById("redo").disabled = busy || !this.sheet.future.length;
    for (const id of ["continue", "copy", "save", "clear"]) buttonById(id).disabled = busy || empty;
    this.#showStatus();
  }

  #showStatus() {
    const t = this.studio.phrases();
    const parts = this.notes.map((note) => note(t));
    if (!this.running && this.sheet.rows.length) {
      const { rhymes, scheme, copied } = this.checked;
      if (rhymes) parts.push(t.scheme(scheme));
      if (copied) parts.push(t.copied(copied.count, copied.longest, this.studio.session.constants.copy_window));
    }
    setStatus(byId("status"), parts.join(" · "));
  }

  /** @param {"undo" | "redo"} direction */
  #travel(direction) {
    this.stop();
    this.sheet[direction]();
    this.#changed();
  }

  #clear() {
    this.sheet.close();
    this.sheet.change([]);
    this.sheet.show();
    this.#changed();
    byId("opening").focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { target } = event;
    if (event.key === "Escape") return this.running ? this.stop() : this.sheet.close(true);
    if (!(target instanceof Element)) return undefined;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (control && key === "z" && !target.matches("input, textarea, select")) {
      this.#travel(event.shiftKey ? "redo" : "undo");
      event.preventDefault();
    }
    if (!target.classList.contains("line") || control || event.altKey) return undefined;
    const tools = this.tools.of(target.parentElement);
    const tool = key === "r" ? tools?.rewrite : key === "l" ? tools?.lock : undefined;
    if (tool && !tool.hidden) tool.click();
    return undefined;
  }

  #store() {
    const opening = inputById("opening").value;
    writeStorage(STORAGE_KEY, { rows: this.sheet.rows, opening, options: this.options.stored() });
  }

  #restore() {
    const { rows, opening, options } = readStorage(STORAGE_KEY);
    this.sheet.rows = storedRows(rows);
    inputById("opening").value = typeof opening === "string" ? opening : "";
    this.options.fill(options ?? {});
  }
}

/** The rows in the browser's storage, as far as they can be used. @param {unknown} rows @returns {Row[]} */
export function storedRows(rows) {
  const all = /** @type {any[]} */ (Array.isArray(rows) ? rows : []);
  const valid = all.filter((row) => typeof row?.text === "string");
  return valid.map(({ text, locked }) => ({ text, locked: locked === true }));
}
