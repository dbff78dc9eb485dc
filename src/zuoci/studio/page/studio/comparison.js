// Models and runs side by side: their curves in one picture, their figures in one table.

import { get, model } from "./api.js";
import { chart } from "./chart.js";
import { by, element } from "../shared/dom.js";
import { shown } from "../shared/words.js";
import { curves } from "./run.js";

const SOME = 3; // that are drawn unless chosen otherwise

export class Comparison {
  /** @param {() => object[]} runs all TRAININGs that the page knows */
  constructor(studio, runs) {
    Object.assign(this, { studio, runs });
    this.kept = new Map(); // model → its rounds
    this.hidden = new Set();
    this.picked = new Set();
    new ResizeObserver(() => this.#draw()).observe(by("compare-chart"));
  }

  /** Shows what there is to compare, and fetches what is missing. */
  async show() {
    this.#render();
    for (const { id } of this.studio.models) {
      if (this.kept.has(id)) continue;
      this.kept.set(id, []);
      try {
        this.kept.set(id, (await get(model(id))).rounds);
        this.#render();
      } catch {
        this.kept.delete(id); // asked for again at the next look
      }
    }
  }

  #entries() {
    const runs = new Map(this.runs().map((run) => [run.id, run]));
    const models = this.studio.models.map(({ id, figures }) => ({ id, figures, rounds: this.kept.get(id) ?? [] }));
    const open = [...runs.values()].filter(({ id }) => !this.studio.models.some((one) => one.id === id));
    const entries = [
      ...open.map(({ id, corpus, epoch, elapsed, rounds }) => {
        const last = rounds.at(-1);
        const figures = {
          characters: corpus.characters,
          epochs: epoch,
          train_seconds: elapsed,
          train: last?.train,
          validation: last?.validation,
        };
        return { id, figures, rounds };
      }),
      ...models.reverse(),
    ];
    return entries.map((entry, i) => ({ ...entry, colour: i, drawn: this.#isDrawn(entry.id, i) }));
  }

  #isDrawn(id, i) {
    return this.picked.has(id) || (i < SOME && !this.hidden.has(id));
  }

  #render() {
    const entries = this.#entries();
    by("comparison").hidden = entries.length < 2;
    if (entries.length < 2) return;
    const t = this.studio.words();
    const focused = document.activeElement?.dataset.entry;
    const head = element("tr", {}, ...t.columns.map((name) => element("th", { textContent: name, scope: "col" })));
    const rows = entries.map((entry) => this.#row(entry, t));
    by("compare-table").replaceChildren(
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    );
    if (focused)
      by("compare-table")
        .querySelector(`[data-entry="${CSS.escape(focused)}"]`)
        ?.focus();
    this.#draw();
  }

  #row({ id, figures, colour, drawn }, t) {
    const box = element("input", { type: "checkbox", checked: drawn, ariaLabel: t.shownInChart(id) });
    box.dataset.entry = id;
    box.addEventListener("change", () => {
      this.picked[box.checked ? "add" : "delete"](id);
      this.hidden[box.checked ? "delete" : "add"](id);
      this.#draw();
    });
    const number = (value, digits = 0) =>
      element("td", { textContent: value === undefined || value === null ? "–" : shown(value, digits) });
    const score = (value) => number(value?.perplexity, 1);
    const { characters, epochs, train_seconds: seconds, train, validation, baseline } = figures;
    return element(
      "tr",
      {},
      element("td", {}, box),
      element("th", { scope: "row", className: `key curve-${colour % 6}`, textContent: id }),
      number(characters),
      number(epochs),
      number(seconds),
      score(train),
      score(validation),
      score(baseline),
    );
  }

  #draw() {
    const width = by("compare-chart").clientWidth;
    if (!width || by("comparison").hidden) return;
    const drawn = this.#entries().filter((entry) => entry.drawn);
    const t = this.studio.words();
    const words = { title: t.chartTitle(drawn.map(({ id }) => id).join(", ")), x: t.axisTime, y: t.axisPerplexity };
    by("compare-chart").replaceChildren(
      chart(
        drawn.flatMap(({ rounds, colour }) => curves(rounds, colour)),
        words,
        width,
      ),
    );
  }
}
