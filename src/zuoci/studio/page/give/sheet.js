// The lines of a text as a list in the page. A line can be opened, edited, locked, deleted, replaced by a candidate, or
// added anywhere, and every change can be undone and redone.

import { button, element } from "../shared/dom.js";
import { icon } from "../shared/icons.js";

/** @import {Mark, Row} from "../shared/types.js" */
/** @import {Candidate, SheetPage} from "./types.js" */

const MAX_UNDO = 100;
const MAX_LINE = 200; // characters that a line can be typed to

export class Sheet {
  /**
   * @param {HTMLElement} list an `ol`
   * @param {SheetPage} page
   */
  constructor(list, page) {
    this.list = list;
    this.page = page;
    /** @type {Row[]} */
    this.rows = []; // none without text, but the one that is open
    /** @type {Row[][]} */
    this.past = []; // for undo
    /** @type {Row[][]} */
    this.future = []; // for redo
    this.openLine = -1; // the line whose editor is open
    /** @type {Row[]} */
    this.rowsAtOpening = []; // the rows when that editor was opened
    this.field = element("input"); // of that editor
    list.addEventListener("keydown", (event) => this.#press(event));
  }

  get lines() {
    return this.rows.map(({ text }) => text);
  }

  /** Replaces the rows and keeps the former ones for undo. @param {Row[]} rows */
  change(rows) {
    this.#keep(this.rows);
    this.rows = rows;
  }

  /** @param {Row[]} rows */
  #keep(rows) {
    if (this.past.push(rows) > MAX_UNDO) this.past.shift();
    this.future = [];
  }

  undo() {
    this.#travel(this.past, this.future);
  }

  redo() {
    this.#travel(this.future, this.past);
  }

  /** Takes the rows back from one list, and puts the present ones on the other. @param {Row[][]} from @param {Row[][]} to */
  #travel(from, to) {
    const focused = this.#focused();
    this.close();
    const rows = from.pop();
    if (rows) {
      to.push(this.rows);
      this.rows = rows;
      this.show();
      this.page.changed();
    }
    if (focused >= 0) this.#focusLine(focused);
  }

  /** Removes all lines. */
  clear() {
    this.close();
    this.change([]);
    this.show();
    this.page.changed();
  }

  /** Locks a line, or unlocks it. @param {number} i */
  toggleLock(i) {
    const locked = !this.rows[i].locked;
    const rows = this.rows.with(i, { ...this.rows[i], locked });
    if (this.openLine === i) this.rows = rows; // closing the editor keeps the former ones
    else this.change(rows);
    this.show(i);
    this.page.changed();
    this.page.toggled(i + 1, locked);
  }

  /** Sets the text of a line, which is then locked: somebody wants it so. @param {number} i @param {string} text */
  edit(i, text) {
    this.#set(i, { text, locked: true });
  }

  /** @param {number} i @param {Row} row */
  #set(i, row) {
    this.rows = this.rows.with(i, row);
    this.show(i);
    this.page.changed();
  }

  /** Adds an empty line before row `i` and opens it. @param {number} i */
  insert(i) {
    if (this.page.busy()) return;
    const removed = this.openLine >= 0 && this.openLine < i && !this.rows[this.openLine].text.trim();
    this.close();
    const before = this.rows;
    i = Math.min(i - Number(removed), before.length);
    this.rows = before.toSpliced(i, 0, { text: "", locked: true });
    this.show(i);
    this.open(i);
    this.rowsAtOpening = before;
    this.field.focus(); // it is there to be typed in
  }

  /** Updates the list from row `from` on. @param {number} [from] */
  show(from = 0) {
    const marks = this.page.marks(this.lines);
    const letters = this.page.letters(this.lines);
    while (this.list.children.length > this.rows.length) this.list.lastChild?.remove();
    this.rows.forEach((_, i) => {
      if (i < from && i < this.list.children.length) return;
      this.#showRow(i, this.item(i) ?? this.list.appendChild(this.#newItem(i)), marks[i], letters[i]);
    });
  }

  /** @param {number} i @param {HTMLElement} item @param {Mark[]} marks @param {string} letter */
  #showRow(i, item, marks, letter) {
    const { text, locked } = this.rows[i];
    const phrases = this.page.phrases();
    const line = lineOf(item);
    for (const lock of item.querySelectorAll(".lock-line")) {
      lock.setAttribute("aria-pressed", String(locked));
      lock.setAttribute("aria-label", phrases.lockLine(i + 1));
      lock.setAttribute("title", phrases.lockHint);
    }
    line.replaceChildren(element("span", {}, ...markedText(text, marks)));
    line.dataset.letter = letter; // shown by the style: the label says it
    const sources = new Set(marks.map(({ source }) => source));
    const label = [phrases.line(i + 1, text), locked && phrases.isLocked, letter && phrases.rhymes(letter), ...sources];
    line.setAttribute("aria-label", label.filter(Boolean).join(" · "));
  }

  /** The list item of a row. @param {number} i @returns {HTMLElement | undefined} */
  item(i) {
    return /** @type {HTMLElement | undefined} */ (this.list.children[i]);
  }

  /** @param {number} i */
  #newItem(i) {
    const line = element("button", { type: "button", className: "line" });
    line.setAttribute("aria-expanded", "false");
    line.addEventListener("click", () => (this.openLine === i ? this.close(true) : this.open(i)));
    return element("li", {}, line, this.#newLock(i));
  }

  /** @param {number} i */
  #newLock(i) {
    const lock = button("", () => this.page.busy() || this.toggleLock(i), "quiet lock-line");
    lock.append(icon("lock"));
    return lock;
  }

  /** The row in which the focus is; −1: in none. */
  #focused() {
    return [...this.list.children].findIndex((item) => item.contains(document.activeElement));
  }

  /** Alt+L locks a line; the arrow keys move the focus. @param {KeyboardEvent} event */
  #press(event) {
    const i = this.#focused();
    if (event.altKey && event.code === "KeyL" && i >= 0 && !this.page.busy()) {
      event.preventDefault();
      this.toggleLock(i);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !(event.target instanceof HTMLElement) || !event.target.classList.contains("line")) return;
    const next = this.item(i + step);
    if (next) lineOf(next).focus();
    event.preventDefault();
  }

  /** Opens the editor of a line. @param {number} i */
  open(i) {
    if (this.page.busy()) return;
    const former = this.rows;
    this.close();
    if (this.rows !== former) return this.#focusLine(i); // closing another editor has moved the lines
    this.openLine = i;
    this.rowsAtOpening = this.rows;
    const item = /** @type {HTMLElement} */ (this.item(i));
    lineOf(item).setAttribute("aria-expanded", "true");
    this.field = this.#newField(i);
    const candidates = element("ul", { className: "candidates", ariaLabel: this.page.phrases().candidates });
    const tools = this.#newTools(i, candidates);
    const editor = element("div", { className: "editor", tabIndex: -1 }, this.field, candidates, tools);
    item.append(editor);
    this.#suggest(i, candidates, 0);
    // With a touch screen, focusing the field would open a keyboard over the candidates.
    (matchMedia("(pointer: fine)").matches ? this.field : editor).focus();
  }

  /** @param {number} i */
  #newField(i) {
    const field = element("input", {
      type: "text",
      value: this.rows[i].text,
      maxLength: MAX_LINE,
      spellcheck: false,
      ariaLabel: this.page.phrases().editLine(i + 1),
    });
    field.addEventListener("input", () => this.edit(i, field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // or Enter would also press the line that takes the focus
      if (event.shiftKey) this.insert(i + 1);
      else this.close(true);
    });
    return field;
  }

  /** @param {number} i @param {HTMLElement} candidates */
  #newTools(i, candidates) {
    const phrases = this.page.phrases();
    let round = 0;
    return element(
      "div",
      { className: "tools" },
      button(phrases.otherCandidates, () => this.#suggest(i, candidates, ++round)),
      button(phrases.insertAbove, () => this.insert(i)),
      button(phrases.insertBelow, () => this.insert(i + 1)),
      button(phrases.removeLine, () => this.remove(i)),
      element("span", { className: "gap" }),
      button(phrases.done, () => this.close(true)),
    );
  }

  /** Lists candidates for a line. @param {number} i @param {HTMLElement} list @param {number} round */
  async #suggest(i, list, round) {
    const phrases = this.page.phrases();
    /** @param {string} text */
    const showNote = (text) => list.replaceChildren(element("li", { className: "help", textContent: text }));
    list.ariaBusy = "true";
    if (!list.children.length) showNote(phrases.searching);
    try {
      const found = await this.page.suggest(i, round);
      if (!list.isConnected) return;
      if (found.length) list.replaceChildren(...found.map((candidate) => this.#newCandidate(i, candidate, list)));
      else showNote(phrases.noCandidates);
    } catch (error) {
      showNote(error instanceof Error ? error.message : `${error}`);
    }
    list.ariaBusy = "false";
  }

  /** @param {number} i @param {Candidate} candidate @param {HTMLElement} list */
  #newCandidate(i, { text }, list) {
    const phrases = this.page.phrases();
    const take = button("", () => this.take(i, text), "take");
    take.append(element("span", { textContent: text }));
    const edit = button(phrases.edit, () => {
      this.field.value = text;
      this.edit(i, text);
      this.field.focus();
    });
    const reject = button("×", () => {
      const next = /** @type {HTMLElement | null} */ (item.nextElementSibling ?? item.previousElementSibling);
      item.remove();
      (next?.querySelector("button") ?? this.field).focus();
      if (!list.children.length) list.append(element("li", { className: "help", textContent: phrases.noCandidates }));
    });
    edit.ariaLabel = phrases.editCandidate(text);
    reject.ariaLabel = phrases.rejectCandidate(text);
    const item = element("li", {}, take, edit, reject);
    return item;
  }

  /** Replaces a line by a candidate. @param {number} i @param {string} text */
  take(i, text) {
    const typed = this.rows[i].text !== this.rowsAtOpening[i]?.text;
    this.#set(i, { text, locked: this.rows[i].locked && !typed });
    this.close(true);
    this.page.taken(i + 1);
  }

  /** Deletes a line. @param {number} i */
  remove(i) {
    this.#set(i, { text: "", locked: false });
    this.close(true);
  }

  /** Closes the open editor. @param {boolean} [focus] give the focus to the line */
  close(focus = false) {
    if (this.openLine < 0) return;
    const i = this.openLine;
    const item = this.item(i);
    this.openLine = -1;
    item?.querySelector(".editor")?.remove();
    item?.firstElementChild?.setAttribute("aria-expanded", "false");
    if (!this.rows[i].text.trim()) this.rows = this.rows.toSpliced(i, 1);
    const before = this.rowsAtOpening;
    /** @param {Row} row @param {number} n */
    const differs = ({ text, locked }, n) => text !== before[n].text || locked !== before[n].locked;
    if (this.rows.length !== before.length || this.rows.some(differs)) this.#keep(before);
    this.show();
    this.page.changed();
    if (focus) this.#focusLine(i);
  }

  /** Gives the focus to a line, or to the last one if there are fewer. @param {number} i */
  #focusLine(i) {
    const next = this.item(Math.min(i, this.rows.length - 1));
    (next ? lineOf(next) : this.page.home).focus();
  }
}

/** The button that holds the text of a list item. @param {Element} item */
export function lineOf(item) {
  return /** @type {HTMLButtonElement} */ (item.firstElementChild);
}

/** The text of a line, copied spans in `mark` elements. @param {string} line @param {Mark[]} marks */
function markedText(line, marks) {
  /** @type {(string | HTMLElement)[]} */
  const nodes = [];
  let piece = "";
  /** @type {string | null} */
  let source = null;
  const flush = () => {
    if (piece) nodes.push(source === null ? piece : element("mark", { textContent: piece, title: source }));
    piece = "";
  };
  [...line].forEach((char, i) => {
    const here = marks.find(({ start, end }) => start <= i && i < end)?.source ?? null;
    if (here !== source) flush();
    source = here;
    piece += char;
  });
  flush();
  return nodes;
}
