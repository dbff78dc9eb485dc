// Shows what comes in bursts a little at a time, so that one can read along.

const FRAME = 16; // milliseconds
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const isCalm = () => calm.matches;

export class Pace {
  /** @param {(items: any[]) => void} show the next few */
  constructor(show) {
    this.show = show;
    this.waiting = [];
    this.running = null;
  }

  push(...items) {
    this.waiting.push(...items);
    this.running ??= this.#run();
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
      this.show(this.waiting.splice(0, whole ? Infinity : 1 + Math.floor(this.waiting.length / 60)));
      await new Promise((resolve) => setTimeout(resolve, FRAME));
    }
    this.running = null;
  }
}
