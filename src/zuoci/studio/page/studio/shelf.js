// The shelf: lines that the person likes and may use later. They are saved with the song.

import { button, byId, element } from "../shared/dom.js";

/** @import {Phrases} from "./types.js" */
/** @import {Songs} from "./songs.js" */

export class Shelf {
  /**
   * @param {Songs} songs
   * @param {() => Phrases} phrases
   * @param {(text: string) => void} insert puts a line into the song
   */
  constructor(songs, phrases, insert) {
    this.songs = songs;
    this.phrases = phrases;
    this.insert = insert;
  }

  /** @param {string} text */
  has(text) {
    return this.songs.shelf.includes(text);
  }

  /** Puts a line on the shelf, or takes it off. @param {string} text */
  toggle(text) {
    const { shelf } = this.songs;
    this.songs.shelf = this.has(text) ? shelf.filter((line) => line !== text) : [text, ...shelf];
    this.songs.changed();
    this.show();
  }

  show() {
    const t = this.phrases();
    const { shelf } = this.songs;
    byId("shelf-hint").hidden = shelf.length > 0;
    byId("shelf").replaceChildren(
      ...shelf.map((text) => {
        const take = button(text, () => this.insert(text), "liked");
        take.ariaLabel = t.insertLine(text);
        const discard = button("×", () => this.#discard(text));
        discard.ariaLabel = t.removeLiked(text);
        return element("li", {}, take, discard);
      }),
    );
  }

  /** @param {string} text */
  #discard(text) {
    const index = this.songs.shelf.indexOf(text);
    this.toggle(text);
    const buttons = byId("shelf").querySelectorAll("button.quiet");
    const next = buttons[Math.min(index, buttons.length - 1)] ?? byId("shelf-panel").querySelector("summary");
    if (next instanceof HTMLElement) next.focus(); // the button that had the focus is gone
  }
}
