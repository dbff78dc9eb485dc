// Compares the user's models and training runs: their curves in one chart, their figures in one table.

import { byId, element } from "../shared/dom.js";
import { formatNumber } from "../shared/format.js";
import { get, modelPath } from "./api.js";
import { chart } from "./chart.js";
import { ownModels } from "./choices.js";
import { curves } from "./run.js";

/** @import {Figures, Phrases, Round, RunInfo, Score, Studio} from "./types.js" */

/** @typedef {{id: string, figures: Figures, rounds: Round[], colour: number, shown: boolean}} Entry */

const SHOWN_AT_FIRST = 3; // curves

export class Comparison {
  /**
   * @param {Studio} studio
   * @param {() => RunInfo[]} runs all training runs that the page knows
   */
  constructor(studio, runs) {
    this.studio = studio;
    this.runs = runs;
    /** @type {Map<string, Round[]>} */
    this.rounds = new Map(); // of each model, as far as fetched
    /** @type {Map<string, boolean>} */
    this.chosen = new Map(); // whether a curve is shown, where somebody has chosen
    new ResizeObserver(() => this.#drawChart()).observe(byId("compare-chart"));
  }

  /** Shows the comparison, and fetches the rounds of models that it does not have yet. */
  async show() {
    this.#render();
    for (const { id } of ownModels(this.studio.models)) {
      if (this.rounds.has(id)) continue;
      this.rounds.set(id, []);
      try {
        this.rounds.set(id, (await get(modelPath(id))).rounds);
        this.#render();
      } catch {
        this.rounds.delete(id); // tried again when the view is next shown
      }
    }
  }

  /** @returns {Entry[]} */
  #entries() {
    const models = ownModels(this.studio.models);
    const unfinished = this.runs().filter(({ id }) => !models.some((model) => model.id === id));
    const finished = models.map(({ id, figures }) => ({ id, figures, rounds: this.rounds.get(id) ?? [] }));
    const entries = [...unfinished.map(runEntry), ...finished];
    return entries.map((entry, i) => ({
      ...entry,
      colour: i,
      shown: this.chosen.get(entry.id) ?? i < SHOWN_AT_FIRST,
    }));
  }

  #render() {
    const entries = this.#entries();
    byId("comparison").hidden = entries.length < 2;
    if (entries.length < 2) return;
    const t = this.studio.phrases();
    const table = byId("compare-table");
    const { activeElement } = document;
    const focused = activeElement instanceof HTMLElement ? activeElement.dataset.entry : undefined;
    const head = element("tr", {}, ...t.columns.map((name) => element("th", { textContent: name, scope: "col" })));
    const rows = entries.map((entry) => this.#row(entry, t));
    table.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
    if (focused) {
      const box = table.querySelector(`[data-entry="${CSS.escape(focused)}"]`);
      if (box instanceof HTMLElement) box.focus();
    }
    this.#drawChart();
  }

  /** @param {Entry} entry @param {Phrases} t */
  #row({ id, figures, colour, shown }, t) {
    const box = element("input", { type: "checkbox", checked: shown, ariaLabel: t.showInChart(id) });
    box.dataset.entry = id;
    box.addEventListener("change", () => {
      this.chosen.set(id, box.checked);
      this.#drawChart();
    });
    /** @param {number | null | undefined} value @param {number} [digits] */
    const number = (value, digits = 0) => {
      return element("td", { textContent: value == null ? "–" : formatNumber(value, digits) });
    };
    /** @param {Score | null | undefined} score */
    const perplexity = (score) => number(score?.perplexity, 1);
    return element(
      "tr",
      {},
      element("td", {}, box),
      element("th", { scope: "row", className: `key curve-${colour % 6}`, textContent: id }),
      number(figures.characters),
      number(figures.epochs),
      number(figures.train_seconds),
      perplexity(figures.train),
      perplexity(figures.validation),
      perplexity(figures.baseline),
    );
  }

  #drawChart() {
    const plot = byId("compare-chart");
    const width = plot.clientWidth;
    if (!width || byId("comparison").hidden) return;
    const shown = this.#entries().filter((entry) => entry.shown);
    const t = this.studio.phrases();
    const title = t.chartTitle(shown.map(({ id }) => id).join(", "));
    const series = shown.flatMap(({ rounds, colour }) => curves(rounds, colour));
    plot.replaceChildren(chart(series, { title, x: t.timeAxis, y: t.perplexityAxis }, width));
  }
}

/** The figures of a run that has not finished. @param {RunInfo} run */
function runEntry({ id, corpus, epoch, elapsed, rounds }) {
  const last = rounds.at(-1);
  const scores = { train: last?.train, validation: last?.validation };
  return { id, figures: { characters: corpus.characters, epochs: epoch, train_seconds: elapsed, ...scores }, rounds };
}
