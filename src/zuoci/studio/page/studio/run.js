// One training run as a card: its state, its curves, its samples, and buttons to control it.

import { button, element, setStatus } from "../shared/dom.js";
import { ApiError, events, get, post, remove, runPath } from "./api.js";
import { chart } from "./chart.js";
import { say } from "./messages.js";
import { secondsLeft } from "./time-left.js";

/** @import {Figures, Message, Phrases, Round, RunInfo, Score, Series, ServerEvent, ServerMessage, Studio} from "./types.js" */

const ACTIVE = ["queued", "running", "pausing", "stopping"]; // states that change by themselves
const SMOOTHING = 0.9; // of the loss of single steps: exponential moving average
const MAX_POINTS = 600; // of the curve of single steps; above, every other one is dropped
const MAX_NLL = 20; // the perplexity of more would not fit a chart
const QUEUE_INTERVAL = 500; // milliseconds between two looks at a queued run
const RETRY_INTERVAL = 2000; // milliseconds before a lost connection is tried again

/** @param {number} milliseconds */
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class RunCard {
  /**
   * @param {Studio} studio
   * @param {RunInfo} run
   * @param {{ended(): void, changed(): void, discarded(): void}} page
   */
  constructor(studio, run, page) {
    this.studio = studio;
    this.run = run;
    this.page = page;
    /** @type {[number, number][]} */
    this.steps = []; // seconds and perplexity of single steps, smoothed
    /** @type {number | null} */
    this.meanNll = null;
    /** @type {Message | null} */
    this.problem = null;
    /** @type {ServerMessage | null} */
    this.note = null;
    this.shownSample = ""; // the step of the samples that are shown
    this.updating = false;
    this.title = element("h3");
    this.state = element("p", { className: "small", role: "status" });
    this.progress = element("progress", { max: 1 });
    this.left = element("p", { className: "small" });
    this.verdict = element("p", { className: "verdict" });
    this.figures = element("p", { className: "small" });
    this.plot = element("div", { className: "plot" });
    this.legend = element("p", { className: "legend small" });
    this.samples = element("div", { className: "samples" });
    this.failure = element("p", { className: "problem", role: "alert", hidden: true });
    this.buttons = {
      pause: button("", () => this.#command("pause"), ""),
      resume: button("", () => this.#command("resume"), ""),
      finishNow: button("", () => this.#command("stop"), ""),
      discard: button("", () => this.#discard()),
      writeWith: button("", () => this.#write(), "primary"),
    };
    const gap = element("span", { className: "gap" });
    const head = element("div", { className: "run-head" }, this.title, this.state, gap, ...Object.values(this.buttons));
    const { progress, left, failure, samples, verdict, figures, plot, legend } = this;
    const className = "sheet run";
    this.node = element("article", { className }, head, progress, left, failure, samples, verdict, figures, plot, legend);
    new ResizeObserver(() => this.#drawChart()).observe(this.plot);
    this.showPhrases();
    if (this.active) this.follow();
  }

  /** Whether the run goes on, or waits to. */
  get active() {
    return ACTIVE.includes(this.run.state);
  }

  /** Follows the run's events until it ends. */
  async follow() {
    let lost = true;
    try {
      while (this.run.state === "queued") {
        await sleep(QUEUE_INTERVAL); // an event stream each would use up the browser's six connections to a server
        if (!this.node.isConnected) return; // it was discarded
        this.run = await get(runPath(this.run.id));
        this.update();
      }
      for await (const event of events("GET", `${runPath(this.run.id)}/events`)) {
        this.#receive(event);
        this.update();
      }
      lost = this.active;
    } catch (error) {
      this.#showProblem(error);
      lost = !(error instanceof ApiError && error.status === 404);
    }
    if (lost && this.active && this.node.isConnected) sleep(RETRY_INTERVAL).then(() => this.follow());
    else if (!this.active) this.page.ended();
  }

  /** @param {ServerEvent} event */
  #receive({ event, data }) {
    this.#showProblem(null);
    if (event === "training") this.run = data;
    if (event === "round") {
      const before = this.run.rounds.filter((round) => round.step < data.step); // a resumed run evaluates some again
      this.run = { ...this.run, rounds: [...before, data] };
    }
    if (event === "samples") this.run = { ...this.run, samples: [...this.run.samples, data] };
    if (event === "note") this.note = data;
    if (event !== "step") return;
    const { step, steps, epoch, nll, elapsed, characters_per_second } = data;
    this.run = { ...this.run, step, steps, epoch, elapsed, characters_per_second };
    this.meanNll = this.meanNll === null ? nll : SMOOTHING * this.meanNll + (1 - SMOOTHING) * nll;
    const last = this.steps.at(-1);
    if (last && elapsed < last[0]) this.steps = []; // the run was resumed from an earlier step
    this.steps.push([elapsed, Math.exp(Math.min(this.meanNll ?? 0, MAX_NLL))]);
    if (this.steps.length > MAX_POINTS) this.steps = this.steps.filter((_, i) => i % 2);
  }

  /** Shows the current state, at most once per frame. */
  update() {
    if (this.updating) return;
    this.updating = true;
    requestAnimationFrame(() => {
      this.updating = false;
      this.#show();
      this.page.changed();
    });
  }

  showPhrases() {
    const t = this.studio.phrases();
    const { pause, resume, finishNow, discard, writeWith } = this.buttons;
    pause.textContent = t.pause;
    resume.textContent = t.resume;
    finishNow.textContent = t.finishNow;
    discard.textContent = t.discard;
    writeWith.textContent = t.writeWith;
    this.shownSample = "";
    this.#show();
  }

  #show() {
    const t = this.studio.phrases();
    const { id, state, waiting } = this.run;
    this.title.textContent = id;
    this.node.dataset.state = state;
    const queue = waiting && state === "queued" ? ` · ${t.queuePosition(waiting)}` : "";
    setStatus(this.state, t.runStates[state] + queue);
    this.#showProgress(t);
    this.#showButtons();
    this.failure.textContent = this.problem?.(t) ?? (this.run.error ? say(t, this.run.error) : "");
    this.failure.hidden = !this.failure.textContent;
    this.#showLegend(t);
    this.#drawChart();
    this.#showSamples(t);
  }

  /** @param {Phrases} t */
  #showProgress(t) {
    const { state, step, steps, seconds, elapsed, epoch, characters_per_second: speed } = this.run;
    this.progress.hidden = !this.active;
    this.progress.ariaLabel = t.runStates[state];
    const done = steps ? step / steps : seconds ? elapsed / seconds : 0;
    if (done) this.progress.value = Math.min(done, 1);
    else this.progress.removeAttribute("value");
    const left = state === "running" ? secondsLeft(this.run) : null;
    this.left.textContent = left === null ? "" : t.timeLeft(left);
    const verdict = state === "finished" ? this.#model?.verdict : null;
    this.verdict.textContent = verdict ? say(t, verdict) : "";
    const { train, validation, base } = this.#scores();
    const parts = [
      elapsed ? t.progress({ epoch: epoch ?? 0, elapsed, speed: Math.round(speed ?? 0) }) : "",
      train ? t.perplexities(train, validation ?? null) : "",
      base ? t.beforeTraining(base) : "",
      this.note ? say(t, this.note) : "",
    ];
    this.figures.textContent = parts.filter(Boolean).join(" · ");
  }

  /** The latest scores: those of the model if there is one, whose weights need not be the last ones. @returns {Figures} */
  #scores() {
    const { state, rounds } = this.run;
    const model = state === "finished" && this.#model;
    const base = rounds.find(({ step }) => step === 0)?.validation; // of the model that the run started from
    return model ? model.figures : { ...rounds.findLast(({ step }) => step > 0), base };
  }

  /** The model of the run, once it is trained. */
  get #model() {
    return this.studio.models.find(({ id }) => id === this.run.id);
  }

  #showButtons() {
    const { state, step } = this.run;
    const { pause, resume, finishNow, discard, writeWith } = this.buttons;
    pause.hidden = !["running", "queued"].includes(state);
    resume.hidden = state !== "paused";
    finishNow.hidden = !["running", "paused"].includes(state) || !step;
    discard.hidden = !["paused", "failed", "queued"].includes(state);
    writeWith.hidden = state !== "finished";
  }

  /** @param {Phrases} t */
  #showLegend(t) {
    const any = this.run.rounds.length || this.steps.length;
    const entries = [
      ...(any ? [["held", t.validationCurve], ["train", t.trainCurve]] : []),
      ...(this.steps.length ? [["steps", t.stepCurve]] : []),
    ];
    const nodes = entries.map(([name, textContent]) => element("span", { className: `key ${name}`, textContent }));
    this.legend.replaceChildren(...nodes);
  }

  #drawChart() {
    const width = this.plot.clientWidth;
    const { rounds } = this.run;
    if (!width || !(rounds.length || this.steps.length)) return;
    const t = this.studio.phrases();
    /** @type {Series[]} */
    const series = [{ points: this.steps, colour: 0, faint: true }, ...curves(rounds, 0)];
    const labels = { title: t.chartTitle(this.run.id), x: t.timeAxis, y: t.perplexityAxis };
    this.plot.replaceChildren(chart(series, labels, width));
  }

  /** @param {Phrases} t */
  #showSamples(t) {
    const last = this.run.samples.at(-1);
    const shown = last ? `${last.step}` : this.run.state === "running" ? "none" : "";
    if (shown === this.shownSample) return;
    this.shownSample = shown;
    const texts = (last?.texts ?? []).map((text) => element("p", { className: "sample", textContent: text.trim() }));
    const heading = element("p", { className: "small", textContent: last ? t.samples : t.noSamples });
    this.samples.replaceChildren(...(shown ? [heading] : []), element("div", { className: "sample-row" }, ...texts));
  }

  /** @param {unknown} error null: none */
  #showProblem(error) {
    this.problem = error ? this.studio.describeError(error) : null;
    if (error) this.update();
  }

  /** @param {"pause" | "resume" | "stop"} command */
  async #command(command) {
    const following = this.active;
    try {
      this.run = await post(`${runPath(this.run.id)}/${command}`);
      this.#showProblem(null);
      if (!following && this.active) this.follow();
      else if (!following) this.page.ended();
    } catch (error) {
      this.#showProblem(error);
    }
    this.update();
  }

  async #discard() {
    try {
      await remove(runPath(this.run.id));
      this.page.discarded();
    } catch (error) {
      this.#showProblem(error);
    }
  }

  #write() {
    this.studio.choose(this.run.id);
    this.studio.open("write");
  }
}

/**
 * The curves of a run: solid on held-out lyrics, dashed on training lyrics.
 * @param {Round[]} rounds
 * @param {number} colour
 * @returns {Series[]}
 */
export function curves(rounds, colour) {
  /** @param {(round: Round) => Score | null} score @returns {[number, number][]} */
  const points = (score) =>
    rounds.flatMap((round) => {
      const perplexity = score(round)?.perplexity;
      return perplexity ? [/** @type {[number, number]} */ ([round.seconds, perplexity])] : [];
    });
  const series = [
    { points: points(({ train }) => train), colour, dashed: true },
    { points: points(({ validation }) => validation), colour },
  ];
  return series.filter((one) => one.points.length);
}
