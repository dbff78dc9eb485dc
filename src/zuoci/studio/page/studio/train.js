// The view "Train": choose lyrics and a time, follow the runs, compare models.

import { byId, element, inputById } from "../shared/dom.js";
import { get, post } from "./api.js";
import { choices, ownModels } from "./choices.js";
import { Comparison } from "./comparison.js";
import { CorpusMaker } from "./corpus.js";
import { RunCard } from "./run.js";

/** @import {CorpusInfo, RunInfo, Studio, View} from "./types.js" */

const TIMES = [30, 60, 300, 1200, 0]; // seconds to choose from; 0: as long as the recipe says
const MAX_NAME = 50; // characters of a name that is suggested
const LANGUAGES = ["zh", "en"]; // of the bundled lyrics

/** @implements {View} */
export class TrainView {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    /** @type {Map<string, RunCard>} */
    this.cards = new Map();
    this.first = ownModels(studio.models).length === 0; // the first model is opened as soon as it is trained
    this.defaultTime = studio.session.training.seconds?.default ?? TIMES[1];
    this.suggestedName = "";
    this.maker = new CorpusMaker(studio, (corpus) => this.#showForm(corpus));
    this.comparison = new Comparison(studio, () => [...this.cards.values()].map(({ run }) => run));
    this.name = inputById("name");
    this.name.addEventListener("input", () => this.name.removeAttribute("aria-invalid"));
    this.base = byId("base", HTMLSelectElement);
    const form = byId("run-form", HTMLFormElement);
    for (const language of LANGUAGES) {
      byId(`bundled-${language}`).addEventListener("click", () => this.maker.use(language));
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const seconds = Number(new FormData(form).get("time"));
      if (this.maker.corpus) this.#start(this.maker.corpus.id, this.name.value, seconds, this.base.value);
    });
    byId("times").append(...TIMES.map((seconds) => this.#timeChoice(seconds)));
    this.#load();
  }

  async #load() {
    try {
      const { training } = await get("/training");
      for (const run of training) this.#add(run);
      await this.maker.load();
    } catch (error) {
      this.maker.showMessage(this.studio.describeError(error));
    }
  }

  show() {
    this.#showBases();
    this.comparison.show();
    for (const card of this.cards.values()) card.update();
  }

  /** The list of models has changed: runs whose models are gone are no longer shown. */
  updateModels() {
    for (const { run } of this.cards.values()) {
      if (run.state === "finished" && !this.studio.models.some(({ id }) => id === run.id)) this.#forget(run.id);
    }
    this.#showWelcome();
    if (!byId("train-view").hidden) this.show();
  }

  showPhrases() {
    const t = this.studio.phrases();
    for (const choice of byId("times").children) {
      const seconds = Number(choice.querySelector("input")?.value);
      const label = choice.querySelector("span");
      if (label) label.textContent = seconds ? t.duration(seconds) : t.recipeTime;
    }
    this.#showBases();
    this.maker.showPhrases();
    for (const card of this.cards.values()) card.showPhrases();
    this.#showWelcome();
    this.comparison.show();
  }

  /** Shows what a run can start from. */
  #showBases() {
    const t = this.studio.phrases();
    const chosen = this.base.value;
    const { auto, none } = t.startChoices;
    const all = [["auto", auto], ...choices(this.studio.models, t), ["none", none]];
    this.base.replaceChildren(...all.map(([value, textContent]) => element("option", { value, textContent })));
    this.base.value = all.some(([value]) => value === chosen) ? chosen : "auto";
  }

  /** Whether the user has neither a model nor a run. */
  get #empty() {
    return ownModels(this.studio.models).length === 0 && this.cards.size === 0;
  }

  #showWelcome() {
    const t = this.studio.phrases();
    byId("welcome").hidden = !this.#empty;
    byId("new-run-title").textContent = this.#empty ? t.welcomeTitle : t.trainTitle;
    byId("choose-files").classList.toggle("next", this.#empty && !this.maker.corpus);
  }

  /** Shows the form for a run on a corpus, with a name for the model. @param {CorpusInfo | null} corpus */
  #showForm(corpus) {
    byId("run-form").hidden = !corpus || corpus.error !== null;
    this.#showWelcome();
    if (!corpus) return;
    const name = LANGUAGES.includes(corpus.id) ? `lyrics-${corpus.id}` : modelName(corpus.name);
    if (this.name.value && this.name.value !== this.suggestedName) return; // somebody has typed another
    this.name.value = this.suggestedName = this.#freeName(name);
  }

  /** A name that no model has: the given one, or it with a number. @param {string} name */
  #freeName(name) {
    const taken = new Set([...this.studio.models.map(({ id }) => id), ...this.cards.keys()]);
    let number = 1;
    while (taken.has(number === 1 ? name : `${name}-${number}`)) number++;
    return number === 1 ? name : `${name}-${number}`;
  }

  /** Starts a run. @param {string} corpus @param {string} name @param {number} seconds @param {string} base */
  async #start(corpus, name, seconds, base) {
    try {
      const run = await post("/training", { corpus, name, seconds, settings: { base } });
      this.maker.clear();
      this.name.value = "";
      this.#add(run).node.scrollIntoView({ block: "nearest" });
    } catch (error) {
      const markInvalid = (/** @type {string} */ field) => this.#markInvalid(field);
      this.maker.showMessage(this.studio.describeError(error, { markInvalid }));
    }
  }

  /** Marks the field of a setting. @param {string} field @returns {boolean} whether there is one */
  #markInvalid(field) {
    if (field !== "name") return false;
    this.name.setAttribute("aria-invalid", "true");
    this.name.focus();
    return true;
  }

  /** @param {RunInfo} run */
  #add(run) {
    const card = new RunCard(this.studio, run, {
      ended: () => this.#ended(run.id),
      changed: () => {
        this.#countActive();
        if (!byId("train-view").hidden) this.comparison.show();
      },
      discarded: () => this.#remove(run.id),
    });
    this.cards.get(run.id)?.node.remove();
    this.cards.set(run.id, card);
    byId("runs").prepend(card.node);
    card.update();
    this.#countActive();
    return card;
  }

  /** @param {string} id */
  #remove(id) {
    this.#forget(id);
    byId("choose-files").focus();
  }

  /** @param {string} id */
  #forget(id) {
    this.cards.get(id)?.node.remove();
    this.cards.delete(id);
    this.#countActive();
  }

  /** A run has finished, failed or been paused. @param {string} id */
  async #ended(id) {
    this.#countActive();
    if (this.cards.get(id)?.run.state !== "finished") return;
    await this.studio.loadModels();
    this.#showBases();
    this.cards.get(id)?.update(); // with the figures of the model
    this.studio.views.models.stale = true;
    if (!this.first) {
      this.comparison.show();
      return;
    }
    this.first = false;
    this.studio.choose(id);
    if (!byId("train-view").hidden) this.studio.open("write");
  }

  /** Shows in the navigation how many runs go on. */
  #countActive() {
    const active = [...this.cards.values()].filter((card) => card.active).length;
    byId("active-runs").hidden = active === 0;
    byId("active-runs").textContent = `${active}`;
    this.#showWelcome();
  }

  /** @param {number} seconds */
  #timeChoice(seconds) {
    const defaultChecked = seconds === this.defaultTime;
    const radio = element("input", { type: "radio", name: "time", value: `${seconds}`, defaultChecked });
    return element("label", { className: "chip" }, radio, element("span"));
  }
}

/** Makes the name of a model from that of a corpus. @param {string} corpus */
export function modelName(corpus) {
  const plain = corpus.replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^[-_]+|-+$/gu, "");
  return [...plain].slice(0, MAX_NAME).join("") || "my-songs";
}
