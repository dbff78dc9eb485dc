// Shows items that arrive in bursts a few at a time, so that one can read along.

const FRAME = 16; // milliseconds
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** @template Item */
export class Pace {
  /**
   * @param {(items: Item[]) => void} show shows the next items
   * @param {{interval?: number, backlog?: number}} [options] `interval`: milliseconds from one item to the next;
   *   `backlog`: for each so many waiting items, one more is shown at once
   */
  constructor(show, { interval = FRAME, backlog = 60 } = {}) {
    this.show = show;
    this.interval = interval;
    this.backlog = backlog;
    /** @type {Item[]} */
    this.waiting = [];
    /** @type {Promise<void> | null} */
    this.running = null;
  }

  /** @param {Item[]} items */
  push(...items) {
    this.waiting.push(...items);
    if (this.waiting.length) this.running ??= this.#run();
  }

  /** Resolves when all items have been shown. */
  async done() {
    await this.running;
  }

  /** Drops the items that wait. */
  stop() {
    this.waiting = [];
  }

  async #run() {
    while (this.waiting.length) {
      const atOnce = reducedMotion.matches || document.hidden;
      this.show(this.waiting.splice(0, atOnce ? Infinity : 1 + Math.floor(this.waiting.length / this.backlog)));
      await new Promise((resolve) => setTimeout(resolve, this.interval));
    }
    this.running = null;
  }
}
