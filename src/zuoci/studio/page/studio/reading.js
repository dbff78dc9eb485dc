// A text as coloured characters, of which one can be selected by pointer or arrow keys. The view "Look inside" uses it.

import { element } from "../shared/dom.js";

/** @import {Inspection, Phrases} from "./types.js" */

const FULL_HEAT = 72; // percent of the colour at the largest values
const ROW_DISTANCE = 12; // pixels between the middles of two rows, at least

export class Reading {
  /**
   * @param {HTMLElement} list
   * @param {(place: number) => void} selected a character was selected
   */
  constructor(list, selected) {
    this.list = list;
    this.selected = selected;
    this.place = -1; // the selected character
    this.locked = false; // nothing can be selected
    list.addEventListener("keydown", (event) => this.#key(event));
    for (const name of /** @type {const} */ (["pointerover", "click"])) {
      list.addEventListener(name, ({ target }) => {
        const place = target instanceof HTMLElement ? target.dataset.place : undefined;
        if (place !== undefined) this.select(Number(place));
      });
    }
  }

  /** The elements of the characters. @returns {HTMLElement[]} */
  get nodes() {
    return /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll(".char")]);
  }

  /** Shows a text. @param {Inspection} found @param {Phrases} t */
  show(found, t) {
    const nodes = found.characters.flatMap(({ char, nll }, i) => {
      const node = element("span", {
        id: `char-${i}`,
        className: "char",
        textContent: visible(char),
        role: "option",
        ariaSelected: "false",
        ariaLabel: `${characterName(char, t)}, ${t.nats(nll)}`,
      });
      node.dataset.place = `${i}`;
      return char === "\n" ? [node, element("br")] : [node];
    });
    this.list.replaceChildren(...nodes);
    if (this.place >= 0) this.#mark();
  }

  /** Shows a message in place of a text. @param {string} message */
  clear(message) {
    this.place = -1;
    this.list.replaceChildren(element("span", { className: "blank", textContent: message }));
    this.list.removeAttribute("aria-activedescendant");
  }

  /** Colours the characters. @param {(place: number) => number} value from −1 to 1 */
  colour(value) {
    for (const [place, node] of this.nodes.entries()) {
      const heat = value(place);
      node.classList.toggle("below", heat < 0);
      node.style.setProperty("--heat", `${Math.round(Math.min(Math.abs(heat), 1) * FULL_HEAT)}%`);
    }
  }

  /** Selects a character. @param {number} place */
  select(place) {
    if (this.locked) return;
    document.getElementById(`char-${this.place}`)?.setAttribute("aria-selected", "false");
    this.place = place;
    this.#mark();
    this.selected(place);
  }

  #mark() {
    document.getElementById(`char-${this.place}`)?.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", `char-${this.place}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.nodes.length - 1;
    if (last < 0) return;
    /** @type {Record<string, () => number>} */
    const targets = {
      ArrowRight: () => this.place + 1,
      ArrowLeft: () => this.place - 1,
      ArrowDown: () => this.#inNextRow(1),
      ArrowUp: () => this.#inNextRow(-1),
      Home: () => 0,
      End: () => last,
    };
    const target = targets[event.key];
    if (!target) return;
    event.preventDefault();
    this.select(Math.min(Math.max(target(), 0), last));
  }

  /** The character below (1) or above (−1) the selected one. @param {1 | -1} step */
  #inNextRow(step) {
    const place = Math.max(this.place, 0);
    const boxes = this.nodes.map((node) => node.getBoundingClientRect());
    const middles = boxes.map(({ top, bottom }) => (top + bottom) / 2);
    const distances = middles.map((middle) => (middle - middles[place]) * step);
    const row = Math.min(...distances.filter((distance) => distance > ROW_DISTANCE));
    let best = place;
    let least = Infinity;
    for (const [i, box] of boxes.entries()) {
      const aside = Math.abs(box.left - boxes[place].left);
      if (Math.abs(distances[i] - row) < ROW_DISTANCE && aside < least) [best, least] = [i, aside];
    }
    return best;
  }
}

/** A character as it is shown. @param {string} char */
export function visible(char) {
  return char === "\n" ? "↵" : char;
}

/** A character as it is read out. @param {string} char @param {Phrases} t */
export function characterName(char, t) {
  return { "\n": t.lineBreakName, " ": t.spaceName }[char] ?? char;
}
