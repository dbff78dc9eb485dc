// Shows what comes in bursts a little at a time, so that one can read along.

const FRAME = 16; // milliseconds
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Pace {
  /**
   * @param {(items: any[]) => void} show the next few
   * @param {{every?: number, behind?: number}} pace milliseconds from one to the next; `behind`: how many may wait
   *   before more are shown at once
   */
  constructor(show, { every = FRAME, behind = 60 } = {}) {
    Object.assign(this, { show, every, behind });
    this.waiting = [];
    this.running = null;
  }

  push(...items) {
    this.waiting.push(...items);
    if (this.waiting.length) this.running ??= this.#run();
  }

  /** Settles once all is shown. */
  async done() {
    await this.running;
  }

  stop() {
    this.waiting = [];
  }

  async #run() {
    while (this.waiting.length) {
      const whole = calm.matches || document.hidden;
      this.show(this.waiting.splice(0, whole ? Infinity : 1 + Math.floor(this.waiting.length / this.behind)));
      await new Promise((resolve) => setTimeout(resolve, this.every));
    }
    this.running = null;
  }
}
