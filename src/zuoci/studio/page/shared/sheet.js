// The lines of a text. Each can be opened, edited, removed, or changed for another; whatever was done can be undone.

import { button, element } from "./dom.js";

const UNDOS = 100;

/**
 * @typedef {{text: string, locked: boolean}} Row an empty one parts stanzas
 * @typedef {{start: number, end: number, source: string}} Mark in a line, in code points; source: in words
 * @typedef {{text: string, note?: string}} Candidate
 */

export class Sheet {
  /**
   * @param {HTMLElement} list an `ol`
   * @param {object} page what the sheet asks of the page:
   *   `words()`: the words; `busy()`: whether a text is being written; `home`: takes the focus where no line is left;
   *   `marks(lines)`: for each line its `Mark`s; `letters(lines)`: for each line its rhyme's letter, or "";
   *   `suggest(i, round)`: promises `Candidate`s for a line; `changed()`: the text has changed;
   *   `dress(item, i)`: may add to a line's item; `notice(name, n)`: says what was done
   */
  constructor(list, page) {
    Object.assign(this, { list, page });
    this.rows = [];
    this.past = []; // lists of rows, to go back to
    this.future = [];
    this.chosen = -1; // the line whose editor is open
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  get lines() {
    return this.rows.map(({ text }) => text);
  }

  /** Replaces the rows, so that undo brings the former ones back. */
  change(rows) {
    this.#keep(this.rows);
    this.rows = rows;
  }

  #keep(rows) {
    if (this.past.push(rows) > UNDOS) this.past.shift();
    this.future = [];
  }

  undo() {
    this.#travel(this.past, this.future);
  }

  redo() {
    this.#travel(this.future, this.past);
  }

  #travel(from, to) {
    this.close();
    if (!from.length) return;
    to.push(this.rows);
    this.rows = from.pop();
    this.show();
    this.page.changed();
  }

  /** Puts another text into a line. */
  edit(i, text) {
    this.rows = this.rows.with(i, { ...this.rows[i], text });
    this.show(i);
    this.page.changed();
  }

  lock(i, locked) {
    if (this.page.busy()) return;
    this.change(this.rows.with(i, { ...this.rows[i], locked }));
    this.show(i);
    this.page.changed();
    this.page.notice(locked ? "locked" : "unlocked", this.#number(i));
  }

  /** Shows the lines from one on; those before it are as they were. */
  show(from = 0) {
    const [marks, letters] = [this.page.marks(this.lines), this.page.letters(this.lines)];
    while (this.list.children.length > this.rows.length) this.list.lastChild.remove();
    let number = 0;
    this.rows.forEach(({ text }, i) => {
      if (text) number++;
      if (i < from && i < this.list.children.length) return;
      const open = i === this.chosen;
      const item = this.list.children[i] ?? this.list.appendChild(this.#item(i));
      item.classList.toggle("break", !text && !open);
      item.firstChild.hidden = !text && !open;
      const letter = letters[i] ? [element("small", { textContent: letters[i], ariaHidden: "true" })] : [];
      item.firstChild.replaceChildren(element("span", {}, ...marked(text, marks[i])), ...letter);
      const words = this.page.words();
      const label = [
        words.line(number, text),
        letters[i] && words.rhymes(letters[i]),
        ...new Set(marks[i].map(({ source }) => source)),
      ];
      item.firstChild.setAttribute("aria-label", label.filter(Boolean).join(" · "));
      this.page.dress?.(item, i, marks[i]);
    });
  }

  #item(i) {
    const line = element("button", { type: "button", className: "line" });
    line.setAttribute("aria-expanded", "false");
    line.addEventListener("click", () => (this.chosen === i ? this.close(true) : this.open(i)));
    return element("li", {}, line);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.classList.contains("line")) return;
    const all = [...this.list.querySelectorAll(".line")].filter((line) => !line.hidden);
    all[all.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  }

  /** Opens the editor of one line. */
  open(i) {
    if (this.page.busy()) return;
    const former = this.rows;
    this.close();
    if (this.rows !== former) return; // closing has moved the lines
    this.chosen = i;
    this.begun = this.rows;
    const words = this.page.words();
    const item = this.list.children[i];
    item.firstChild.setAttribute("aria-expanded", "true");
    this.field = element("input", { type: "text", value: this.rows[i].text, maxLength: 200, spellcheck: false });
    this.field.setAttribute("aria-label", words.edit(this.#number(i)));
    this.field.addEventListener("input", () => this.edit(i, this.field.value));
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // or it would press the line that takes the focus
      this.close(true);
    });
    const list = element("ul", { className: "candidates", ariaLabel: words.candidates });
    let round = 0;
    const tools = element(
      "div",
      { className: "tools" },
      button(words.others, () => this.#suggest(i, list, ++round)),
      button(words.remove, () => this.remove(i)),
      element("span", { className: "gap" }),
      button(words.done, () => this.close(true)),
    );
    const editor = element("div", { className: "editor", tabIndex: -1 }, this.field, list, tools);
    item.append(editor);
    this.#suggest(i, list, round);
    (matchMedia("(pointer: fine)").matches ? this.field : editor).focus(); // on a phone the keyboard would hide the rest
  }

  /** Lists lines that could stand in a line's place. */
  async #suggest(i, list, round) {
    const words = this.page.words();
    const help = (text) => list.replaceChildren(element("li", { className: "help", textContent: text }));
    list.ariaBusy = "true";
    if (!list.children.length) help(words.searching);
    try {
      const found = await this.page.suggest(i, round);
      if (!list.isConnected) return;
      if (found.length) list.replaceChildren(...found.map((candidate) => this.#candidate(i, candidate, list)));
      else help(words.none);
    } catch (error) {
      help(error.message);
    }
    list.ariaBusy = "false";
  }

  #candidate(i, { text, note }, list) {
    const words = this.page.words();
    const take = button("", () => this.take(i, text), "take");
    take.append(element("span", { textContent: text }), ...(note ? [element("small", { textContent: note })] : []));
    const adapt = button(words.adapt, () => {
      this.field.value = text;
      this.edit(i, text);
      this.field.focus();
    });
    const reject = button("×", () => {
      const next = item.nextSibling ?? item.previousSibling;
      item.remove();
      (next?.firstChild ?? this.field).focus();
      this.page.rejected?.(text);
      if (!list.children.length) list.append(element("li", { className: "help", textContent: words.none }));
    });
    adapt.ariaLabel = words.adaptThis(text);
    reject.ariaLabel = words.reject(text);
    const item = element("li", {}, take, adapt, reject);
    return item;
  }

  take(i, text) {
    this.edit(i, text);
    this.close(true);
    this.page.notice("taken", this.#number(i));
  }

  /** Which line a row is, empty ones not counted. */
  #number(i) {
    return this.rows.slice(0, i + 1).filter(({ text }) => text).length;
  }

  remove(i) {
    this.edit(i, "");
    this.close(true);
  }

  close(focus = false) {
    if (this.chosen < 0) return;
    const i = this.chosen;
    const item = this.list.children[i];
    this.chosen = -1;
    item.querySelector(".editor").remove();
    item.firstChild.setAttribute("aria-expanded", "false");
    if (!this.rows[i].text.trim()) this.rows = tidy(this.rows.toSpliced(i, 1));
    if (this.rows.length !== this.begun.length || this.rows.some((row, n) => row.text !== this.begun[n].text)) {
      this.#keep(this.begun);
    }
    this.show();
    this.page.changed();
    if (focus) (this.list.children[Math.min(i, this.rows.length - 1)]?.firstChild ?? this.page.home).focus();
  }
}

/** Rows without stanzas that hold no line. */
export function tidy(rows) {
  return rows.filter(({ text }, i) => text || (i > 0 && i < rows.length - 1 && rows[i - 1].text));
}

/** A line's text, with marks where it is copied. */
function marked(line, marks) {
  const nodes = [];
  let [piece, source] = ["", null];
  const end = () => {
    if (piece) nodes.push(source === null ? piece : element("mark", { textContent: piece, title: source }));
    piece = "";
  };
  [...line].forEach((char, i) => {
    const here = marks.find(({ start, end }) => start <= i && i < end)?.source ?? null;
    if (here !== source) end();
    source = here;
    piece += char;
  });
  end();
  return nodes;
}
