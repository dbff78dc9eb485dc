// The buttons beside each line of the view "Write" (rewrite, lock), and the note on where it was copied from.

import { element } from "../shared/dom.js";
import { lineOf } from "../shared/sheet.js";
import { icon } from "./icons.js";

/** @import {Mark} from "../shared/types.js" */
/** @import {Phrases} from "./types.js" */

/** @typedef {{rewrite: HTMLButtonElement, lock: HTMLButtonElement, box: HTMLElement, note: HTMLElement}} Tools */

export class LineTools {
  /**
   * @param {(i: number) => void} rewrite
   * @param {(i: number) => void} toggleLock
   */
  constructor(rewrite, toggleLock) {
    this.rewrite = rewrite;
    this.toggleLock = toggleLock;
    /** @type {WeakMap<Element, Tools>} */
    this.tools = new WeakMap(); // by list item
  }

  /** The tools of a list item. @param {Element | null} item */
  of(item) {
    return item ? this.tools.get(item) : undefined;
  }

  /**
   * Shows the tools of a line.
   * @param {HTMLElement} item
   * @param {number} i
   * @param {{text: string, locked: boolean, number: number, marks: Mark[]}} line
   * @param {Phrases} t
   */
  show(item, i, { text, locked, number, marks }, t) {
    const { rewrite, lock, box, note } = this.of(item) ?? this.#add(item, i);
    const line = lineOf(item);
    line.setAttribute("aria-keyshortcuts", "R L");
    if (locked) line.setAttribute("aria-label", `${line.getAttribute("aria-label")} · ${t.isLocked}`);
    for (const mark of line.querySelectorAll("mark")) mark.removeAttribute("title"); // the note tells it
    box.hidden = !text;
    rewrite.hidden = locked;
    lock.setAttribute("aria-pressed", String(locked));
    Object.assign(rewrite, { ariaLabel: t.rewrite(number), title: t.rewriteHint });
    Object.assign(lock, { ariaLabel: t.lock(number), title: t.lockHint });
    note.textContent = [...new Set(marks.map(({ source }) => source))].join("\n");
    note.hidden = !marks.length;
  }

  /** @param {HTMLElement} item @param {number} i @returns {Tools} */
  #add(item, i) {
    const rewrite = tool("again", () => this.rewrite(i));
    const lock = tool("lock", () => this.toggleLock(i));
    const box = element("span", { className: "line-tools" }, rewrite, lock);
    const note = element("p", { className: "sources" });
    item.append(box, note);
    const tools = { rewrite, lock, box, note };
    this.tools.set(item, tools);
    return tools;
  }
}

/** @param {"again" | "lock"} name @param {() => void} onClick */
function tool(name, onClick) {
  const node = element("button", { type: "button", className: "tool", tabIndex: -1 }, icon(name));
  node.addEventListener("click", onClick);
  return node;
}
