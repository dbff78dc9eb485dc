// Write: a sheet of lines, and how they are to be.

import { events, model, post } from "./api.js";
import { by, copyText, element, recall, remember, saveText, say } from "../shared/dom.js";
import { icon } from "./icons.js";
import { Options } from "./options.js";
import { Pace } from "./pace.js";
import { Sheet, tidy } from "../shared/sheet.js";

const MEMORY = "zuoci write";
const SHOWN = 8; // candidates
const PAUSE = 300; // milliseconds without a change before a text is checked
const WHOLE = ["rhyme", "line_length", "acrostic", "line_opening"]; // options of a whole text's form

export class Write {
  /** @param {object} studio `words()`, `model`, `session`, `explain(error)`, `refuse(error)` */
  constructor(studio) {
    this.studio = studio;
    this.running = null; // the AbortController of what is being written
    this.notes = []; // functions of the words, that say what was done
    this.known = new Map(); // line → {marks, letter}, as last checked
    this.scheme = "";
    this.rejected = new Set();
    this.pool = { key: "", texts: [] }; // lines that a rewrite may take next
    this.sheet = new Sheet(by("lines"), {
      words: studio.words,
      busy: () => this.running !== null,
      home: by("opening"),
      marks: (lines) => lines.map((line) => this.#marks(line)),
      letters: (lines) => lines.map((line) => this.known.get(line)?.letter ?? ""),
      suggest: (i) => this.#suggest(i),
      rejected: (text) => this.rejected.add(text),
      changed: () => this.#changed(),
      dress: (item, i, marks) => this.#dress(item, i, marks),
      notice: (name, n) => this.#note((t) => t[name](n)),
    });
    const { options, limits } = studio.session;
    this.options = new Options(by("options"), options, limits, () => this.#keep());
    this.#restore();
    if (matchMedia("(max-width: 52rem)").matches) by("wish").open = false;
    const acts = {
      write: () => this.write(),
      stop: () => this.stop(),
      on: () => this.goOn(),
      undo: () => this.#travel("undo"),
      redo: () => this.#travel("redo"),
      copy: () => copyText(this.sheet.lines.join("\n")).then(() => this.#note((t) => t.copiedText)),
      save: () => saveText(this.sheet.lines, this.sheet.lines[0] || "zuoci"),
      clear: () => this.#clear(),
    };
    for (const [id, act] of Object.entries(acts)) by(id).addEventListener("click", act);
    by("opening").addEventListener("input", () => this.#keep());
    by("opening").addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && this.write());
    document.addEventListener("keydown", (event) => by("write-place").hidden || this.#key(event));
    this.#check();
  }

  get text() {
    return this.sheet.lines.join("\n");
  }

  speak() {
    this.sheet.close();
    this.options.speak(this.studio.words());
    this.show();
  }

  /** Another model is chosen, or the place is shown again. */
  show() {
    this.sheet.show();
    this.#state();
  }

  changeModel() {
    this.known.clear();
    this.#forget();
    this.pool.key = "";
    this.#check();
  }

  // Whole texts

  /** A new draft; lines that are locked stay. */
  async write() {
    const { rows } = this.sheet;
    if (rows.some(({ locked }) => locked)) await this.#redraw();
    else await this.#draw(by("opening").value, []);
  }

  goOn() {
    return this.#draw(`${this.text}\n`, [...this.sheet.rows, { text: "", locked: false }]);
  }

  stop() {
    this.running?.abort();
    this.pace?.stop();
  }

  async #draw(opening, kept) {
    const options = this.options.values();
    const before = kept.length > 0;
    if (before) for (const name of ["word", "acrostic", "line_opening"]) delete options[name]; // they stand already
    await this.#work(async (run) => {
      this.#note((t) => t.writing);
      this.sheet.change(kept);
      this.sheet.show();
      let [text, unknown, end] = ["", "", null];
      this.pace = new Pace((chars) => {
        text += chars.join("");
        const lines = text.replace(/^\n+/, "").split("\n");
        this.sheet.rows = [...kept, ...lines.map((line) => ({ text: line, locked: false }))];
        this.sheet.show(Math.max(kept.length + lines.length - chars.length - 1, 0));
        by("blank").hidden = true;
      });
      for await (const { event, data } of events(
        "POST",
        `${model(this.studio.model)}/write`,
        { opening, ...options },
        run.signal,
      )) {
        if (event === "begin") {
          unknown = data.unknown;
          if (!before) this.pace.push(...data.opening);
        } else if (event === "piece") this.pace.push(...data.text);
        else if (event === "end") end = data;
      }
      await this.pace.done();
      run.signal.throwIfAborted(); // all had come, but not all was shown
      this.sheet.rows = tidy(this.sheet.rows.map((row) => ({ ...row, text: row.text.trimEnd() })));
      if (!before && end) this.#learn(end);
      return [
        (t) => t.wroteLines({ lines: this.sheet.lines.filter(Boolean).length, seed: end?.seed ?? null }),
        ...(unknown && !before ? [(t) => t.unknown(unknown)] : []),
      ];
    });
  }

  /** Writes each line anew that is not locked, one after the other. */
  async #redraw() {
    const options = this.options.values();
    const wanted = Math.max(options.lines ?? 0, this.sheet.lines.filter(Boolean).length);
    await this.#work(async (run) => {
      this.sheet.change(this.sheet.rows);
      const count = this.sheet.lines.filter(Boolean).length;
      this.sheet.rows = [
        ...this.sheet.rows,
        ...Array.from({ length: wanted - count }, () => ({ text: "…", locked: false })),
      ];
      const places = this.sheet.rows.flatMap(({ text }, i) => (text ? [i] : []));
      for (const [n, i] of places.entries()) {
        if (this.sheet.rows[i].locked) continue;
        this.#note((t) => t.rewriting(n + 1));
        const lines = await this.#inPlace(n, places, options, wanted, run.signal);
        const found = lines[Math.floor(Math.random() * lines.length)]; // the best of all are the dullest
        this.sheet.rows = this.sheet.rows.with(i, { text: found.text, locked: false });
        this.sheet.show(i);
      }
      return [(t) => t.wroteLines({ lines: wanted, seed: null })];
    });
  }

  /** A new line for a place, which rhymes with the lines before it, or with a locked one after it. */
  async #inPlace(n, places, options, lines, signal) {
    const rows = places.map((i) => this.sheet.rows[i]);
    const scheme = [...(options.rhyme ?? "")].filter((mark) => !/[\s,|]/u.test(mark));
    const letter = scheme[n % scheme.length];
    const round = (k) => Math.floor(k / scheme.length);
    const partner = /[X-]/iu.test(letter ?? "X")
      ? undefined
      : rows.find((row, k) => k > n && row.locked && scheme[k % scheme.length] === letter && round(k) === round(n));
    const texts = rows.map(({ text }) => text);
    const id = model(this.studio.model);
    if (partner) {
      const body = { ...this.options.drawing(), ...this.#begun(), line: n + 1, count: 4 };
      const length = lengthOf(options, n);
      if (length) body.line_length = length;
      // in the place of its partner's twin, it takes that one's rhyme
      return (await post(`${id}/rewrite`, { ...body, text: texts.with(n, partner.text).join("\n") }, signal))
        .candidates;
    }
    const after = rows[n + 1]?.locked ? texts[n + 1] : "";
    const form = Object.fromEntries(WHOLE.filter((name) => name in options).map((name) => [name, options[name]]));
    const body = { ...this.options.drawing(), ...form, lines, text: texts.slice(0, n).join("\n"), after, count: 4 };
    return (await post(`${id}/candidates`, body, signal)).candidates;
  }

  /** Does work that may be stopped, and puts everything back if it fails with nothing written. */
  async #work(act) {
    this.stop();
    this.sheet.close();
    const run = (this.running = new AbortController());
    const before = this.sheet.rows;
    this.#forget();
    this.#state();
    try {
      this.notes = await act(run);
    } catch (error) {
      this.notes = [error.name === "AbortError" ? (t) => t.stopped : this.studio.tell(error, this.options)];
    }
    if (this.running !== run) return; // another one has begun
    this.running = null;
    if (!this.sheet.lines.some(Boolean)) {
      this.sheet.rows = before;
      this.sheet.past.pop();
    }
    this.sheet.rows = tidy(this.sheet.rows).filter(({ text }) => text !== "…");
    this.sheet.show();
    this.#changed(this.notes);
  }

  // One line

  async #suggest(i) {
    try {
      const found = await this.#others(i);
      return found.slice(0, SHOWN).map(({ text, longest_copied: copied }) => ({
        text,
        note: copied >= 8 ? this.studio.words().copiesSo(copied) : "",
      }));
    } catch (error) {
      throw new Error(this.studio.tell(error, this.options)(this.studio.words()));
    }
  }

  /** Lines for the place of one, without it and those that were rejected. */
  async #others(i) {
    const { lines } = this.sheet;
    const line = lines.slice(0, i + 1).filter(Boolean).length;
    const body = { ...this.options.drawing(), ...this.#begun(), text: this.text, line, count: SHOWN };
    const length = lengthOf(this.options.values(), line - 1);
    if (length) body.line_length = length;
    const { candidates } = await post(`${model(this.studio.model)}/rewrite`, body);
    return candidates.filter(({ text }) => text !== lines[i] && !this.rejected.has(text));
  }

  /** How lines have to begin. */
  #begun() {
    const { acrostic, line_opening } = this.options.values();
    return { ...(acrostic && { acrostic }), ...(line_opening?.length && { line_opening }) };
  }

  async #rewrite(i) {
    if (this.running) return;
    const n = this.sheet.lines.slice(0, i + 1).filter(Boolean).length;
    await this.#work(async () => {
      this.#note((t) => t.rewriting(n));
      const key = this.sheet.lines.with(i, "").join("\n");
      if (this.pool.key !== key || !this.pool.texts.length) {
        this.pool = { key, texts: (await this.#others(i)).map(({ text }) => text) };
      }
      const text = this.pool.texts.shift();
      if (!text) return [(t) => t.none];
      this.sheet.change(this.sheet.rows.with(i, { ...this.sheet.rows[i], text }));
      return [(t) => t.rewritten(n)];
    });
    this.sheet.list.children[i]?.firstChild.focus();
  }

  #dress(item, i, marks) {
    const t = this.studio.words();
    const { text, locked } = this.sheet.rows[i];
    const n = this.sheet.lines.slice(0, i + 1).filter(Boolean).length;
    if (!item.tools) {
      const tool = (name, act) => {
        const node = element("button", { type: "button", className: "tool", tabIndex: -1 }, icon(name));
        node.addEventListener("click", act);
        return node;
      };
      const rewrite = tool("again", () => this.#rewrite(i));
      const lock = tool("lock", () => this.sheet.lock(i, !this.sheet.rows[i].locked));
      item.tools = { rewrite, lock, note: element("p", { className: "sources" }) };
      item.append(element("span", { className: "line-tools" }, rewrite, lock), item.tools.note);
    }
    const { rewrite, lock, note } = item.tools;
    const line = item.firstChild;
    line.setAttribute("aria-keyshortcuts", "R L");
    if (locked) line.setAttribute("aria-label", `${line.getAttribute("aria-label")} · ${t.isLocked}`);
    for (const mark of line.querySelectorAll("mark")) mark.removeAttribute("title"); // the note says it
    rewrite.parentNode.hidden = !text;
    rewrite.hidden = locked;
    lock.setAttribute("aria-pressed", String(locked));
    Object.assign(rewrite, { ariaLabel: t.rewrite(n), title: t.rewriteIt });
    Object.assign(lock, { ariaLabel: t.lock(n), title: t.lockIt });
    note.textContent = [...new Set(marks.map(({ source }) => source))].join("\n");
    note.hidden = !marks.length;
  }

  // What a text holds

  #marks(line) {
    const t = this.studio.words();
    return (this.known.get(line)?.spans ?? []).map(({ start, end, span }) => ({
      start,
      end,
      source: t.copiedFrom(span),
    }));
  }

  /** Takes note of a check: which lines rhyme, and what of each is copied. */
  #learn({ text, lines, scheme, originality }) {
    this.scheme = scheme;
    this.copied = originality && { count: originality.spans.length, longest: originality.longest_copied };
    this.known.clear();
    let from = 0;
    for (const line of text.split("\n")) {
      const length = [...line].length;
      const begin = from;
      const inside = (originality?.spans ?? []).filter(
        (span) => span.start < begin + length && span.start + span.length > begin,
      );
      const spans = inside.map((span) => ({ start: span.start - begin, end: span.start + span.length - begin, span }));
      const letter = lines.find(({ start }) => start === begin)?.letter ?? "X";
      if (line) this.known.set(line, { spans, letter: letter === "X" ? "" : letter });
      from += length + 1;
    }
  }

  /** What was found in a text is not said of another. */
  #forget() {
    this.scheme = "";
    this.copied = null;
  }

  async #check() {
    const { text } = this;
    if (!text.trim() || !this.studio.model) return;
    const { rhyme_standard, reading } = this.options.values();
    try {
      const found = await post(`${model(this.studio.model)}/check`, { text, rhyme_standard, reading });
      if (text !== this.text) return;
      this.#learn(found);
      this.sheet.show();
      this.#status();
    } catch (error) {
      this.#forget();
      this.#note(this.studio.tell(error, this.options));
    }
  }

  // Around it

  #changed(notes = []) {
    this.notes = notes;
    this.#state();
    this.#keep();
    clearTimeout(this.checking);
    if (!this.running) this.checking = setTimeout(() => this.#check(), PAUSE);
  }

  #note(note) {
    this.notes = [note];
    this.#status();
  }

  #state() {
    const [busy, empty] = [this.running !== null, this.sheet.rows.length === 0];
    by("blank").hidden = !empty || busy;
    by("write").hidden = busy;
    by("stop").hidden = !busy;
    by("undo").disabled = busy || !this.sheet.past.length;
    by("redo").disabled = busy || !this.sheet.future.length;
    for (const id of ["on", "copy", "save", "clear"]) by(id).disabled = busy || empty;
    this.#status();
  }

  #status() {
    const t = this.studio.words();
    const said = this.notes.map((note) => note(t));
    if (!this.running && this.sheet.rows.length) {
      if (/[^X]/u.test(this.scheme)) said.push(t.scheme(this.scheme));
      if (this.copied) said.push(t.copied(this.copied.count, this.copied.longest));
    }
    say(by("status"), said.join(" · "));
  }

  #travel(way) {
    this.stop();
    this.sheet[way]();
    this.#changed();
  }

  #clear() {
    this.sheet.close();
    this.sheet.change([]);
    this.sheet.show();
    this.#changed();
    by("opening").focus();
  }

  #key(event) {
    if (event.key === "Escape") return this.running ? this.stop() : this.sheet.close(true);
    const field = event.target.matches("input, textarea, select");
    if ((event.ctrlKey || event.metaKey) && !field && event.key.toLowerCase() === "z") {
      this.#travel(event.shiftKey ? "redo" : "undo");
      event.preventDefault();
    }
    if (!event.target.classList.contains("line") || event.ctrlKey || event.metaKey || event.altKey) return;
    const tools = event.target.parentNode.tools;
    const tool = { r: tools.rewrite, l: tools.lock }[event.key.toLowerCase()];
    if (tool && !tool.hidden) tool.click();
  }

  #keep() {
    remember(MEMORY, { rows: this.sheet.rows, opening: by("opening").value, options: this.options.kept() });
  }

  #restore() {
    const { rows, opening, options } = recall(MEMORY);
    const sound = (row) => typeof row?.text === "string";
    this.sheet.rows = (Array.isArray(rows) ? rows : [])
      .filter(sound)
      .map(({ text, locked }) => ({ text, locked: locked === true }));
    by("opening").value = typeof opening === "string" ? opening : "";
    this.options.fill(options ?? {});
  }
}

function lengthOf({ line_length: pattern }, n) {
  const lengths = (pattern ?? "").split(",").filter(Boolean);
  const length = lengths[n % lengths.length];
  return length && length !== "0" ? length : "";
}
