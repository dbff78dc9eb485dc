// One training run: its curve, its samples, and what can be done with it.

import { drop, events, get, post, training } from "./api.js";
import { chart } from "./chart.js";
import { button, element, say } from "../shared/dom.js";

const ACTIVE = ["queued", "running", "pausing", "stopping"];
const SMOOTH = 0.9; // of the loss of single steps
const SOON = 500; // milliseconds before one that waits is looked at again
const AGAIN = 2000; // milliseconds before the server is asked again

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

export class RunCard {
  /**
   * @param {object} data TRAINING
   * @param {{ended(): void, changed(): void, forgotten(): void}} page
   */
  constructor(studio, data, page) {
    Object.assign(this, { studio, data, page });
    this.steps = []; // [seconds, perplexity] of single steps, smoothed
    this.mean = null;
    this.problem = null;
    const make = (name, properties = {}) => element(name, properties);
    this.title = make("h3");
    this.state = make("p", { className: "small", role: "status" });
    this.bar = make("progress", { max: 1 });
    this.figures = make("p", { className: "small" });
    this.plot = make("div", { className: "plot" });
    this.legend = make("p", { className: "legend small" });
    this.samples = make("div", { className: "samples" });
    this.failure = make("p", { className: "problem", role: "alert", hidden: true });
    this.acts = {
      pause: button("", () => this.#ask("pause"), ""),
      resume: button("", () => this.#ask("resume"), ""),
      finishNow: button("", () => this.#ask("stop"), ""),
      forget: button("", () => this.#forget()),
      writeWith: button("", () => this.#write(), "primary"),
    };
    const head = element(
      "div",
      { className: "run-head" },
      this.title,
      this.state,
      element("span", { className: "gap" }),
      ...Object.values(this.acts),
    );
    this.node = element(
      "article",
      { className: "sheet run" },
      head,
      this.bar,
      this.failure,
      this.plot,
      this.legend,
      this.figures,
      this.samples,
    );
    new ResizeObserver(() => this.#draw()).observe(this.plot);
    this.speak();
    if (this.active) this.listen();
  }

  get active() {
    return ACTIVE.includes(this.data.state);
  }

  /** Follows the run until it ends. */
  async listen() {
    let lost = true;
    try {
      while (this.data.state === "queued") {
        await pause(SOON); // a browser has six connections to a server: those that wait in the queue hold none
        if (!this.node.isConnected) return; // it was forgotten
        this.data = await get(training(this.data.id));
        this.update();
      }
      for await (const { event, data } of events("GET", `${training(this.data.id)}/events`)) {
        this.#take(event, data);
        this.update();
      }
      lost = this.active;
    } catch (error) {
      this.#say(error);
      lost = error.status !== 404;
    }
    if (lost && this.active && this.node.isConnected) pause(AGAIN).then(() => this.listen());
    else if (!this.active) this.page.ended();
  }

  #take(event, data) {
    this.#say(null);
    if (event === "training") this.data = data;
    if (event === "round") this.data = { ...this.data, rounds: [...this.data.rounds, data] };
    if (event === "samples") this.data = { ...this.data, samples: [...this.data.samples, data] };
    if (event === "note") this.note = data.text;
    if (event !== "step") return;
    const { step, steps, epoch, nll, elapsed, characters_per_second } = data;
    this.data = { ...this.data, step, steps, epoch, elapsed, characters_per_second };
    this.mean = this.mean === null ? nll : SMOOTH * this.mean + (1 - SMOOTH) * nll;
    if (this.steps.length && elapsed < this.steps.at(-1)[0]) this.steps = []; // resumed from before
    this.steps.push([elapsed, Math.exp(Math.min(this.mean, 20))]);
    if (this.steps.length > 600) this.steps = this.steps.filter((_, i) => i % 2);
  }

  /** Shows what is known now, at most once a frame. */
  update() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#show();
      this.page.changed();
    });
  }

  speak() {
    const t = this.studio.words();
    for (const [name, node] of Object.entries(this.acts)) node.textContent = t[name];
    this.samplesShown = "";
    this.#show();
  }

  #show() {
    const t = this.studio.words();
    const {
      id,
      state,
      step,
      steps,
      seconds,
      elapsed,
      waiting,
      rounds,
      epoch,
      characters_per_second: speed,
    } = this.data;
    this.title.textContent = id;
    this.node.dataset.state = state;
    say(
      this.state,
      [t.runState[state], waiting && state === "queued" ? t.waitingRuns(waiting) : ""].filter(Boolean).join(" · "),
    );
    this.bar.hidden = !this.active;
    this.bar.ariaLabel = t.runState[state];
    const done = steps ? step / steps : seconds ? elapsed / seconds : 0;
    if (done) this.bar.value = Math.min(done, 1);
    else this.bar.removeAttribute("value");
    this.acts.pause.hidden = !["running", "queued"].includes(state);
    this.acts.resume.hidden = state !== "paused";
    this.acts.finishNow.hidden = !["running", "paused"].includes(state) || !step;
    this.acts.forget.hidden = !["paused", "failed", "queued"].includes(state);
    this.acts.writeWith.hidden = state !== "finished";
    const last = rounds.at(-1);
    this.figures.textContent = [
      elapsed ? t.progress({ epoch: epoch ?? 0, elapsed, speed: Math.round(speed ?? 0) }) : "",
      last ? t.perplexities(last.train, last.validation) : "",
      this.note ?? "",
    ]
      .filter(Boolean)
      .join(" · ");
    this.failure.hidden = !(this.problem || this.data.error);
    this.failure.textContent = this.problem?.(t) ?? this.data.error ?? "";
    const legend =
      rounds.length || this.steps.length
        ? [
            ["held", t.lineHeld],
            ["train", t.lineTrain],
            ["steps", t.lineSteps],
          ]
        : [];
    this.legend.replaceChildren(
      ...legend
        .filter(([name]) => name !== "steps" || this.steps.length)
        .map(([name, text]) => element("span", { className: `key ${name}`, textContent: text })),
    );
    this.#draw();
    this.#sample(t);
  }

  #draw() {
    const width = this.plot.clientWidth;
    const { rounds } = this.data;
    if (!width || !(rounds.length || this.steps.length)) return;
    const t = this.studio.words();
    const series = [{ points: this.steps, colour: 0, faint: true }, ...curves(rounds, 0)];
    this.plot.replaceChildren(
      chart(series, { title: t.chartTitle(this.data.id), x: t.axisTime, y: t.axisPerplexity }, width),
    );
  }

  #sample(t) {
    const last = this.data.samples.at(-1);
    const shown = last ? `${last.step}` : this.data.state === "running" ? "none" : "";
    if (shown === this.samplesShown) return;
    this.samplesShown = shown;
    const texts = (last?.texts ?? []).map((text) => element("p", { className: "sample", textContent: text.trim() }));
    this.samples.replaceChildren(
      ...(shown ? [element("p", { className: "small", textContent: last ? t.samples : t.noSamples })] : []),
      element("div", { className: "sample-row" }, ...texts),
    );
  }

  #say(error) {
    this.problem = error ? this.studio.tell(error) : null;
    if (error) this.update();
  }

  async #ask(what) {
    const listening = this.active;
    try {
      this.data = await post(`${training(this.data.id)}/${what}`);
      this.#say(null);
      if (!listening) this.active ? this.listen() : this.page.ended();
    } catch (error) {
      this.#say(error);
    }
    this.update();
  }

  async #forget() {
    try {
      await drop(training(this.data.id));
      this.page.forgotten();
    } catch (error) {
      this.#say(error);
    }
  }

  #write() {
    this.studio.choose(this.data.id);
    this.studio.go("write");
  }
}

/** The curves of a run's rounds: held out, and dashed on the training text. */
export function curves(rounds, colour) {
  const points = (name) =>
    rounds.filter((round) => round[name]?.perplexity).map((round) => [round.seconds, round[name].perplexity]);
  return [
    { points: points("train"), colour, dashed: true },
    { points: points("validation"), colour },
  ].filter(({ points: own }) => own.length);
}
