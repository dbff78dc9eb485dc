// Train: lyrics that are found, a time, runs that can be watched, and models side by side.

import { get, post } from "./api.js";
import { by, element } from "../shared/dom.js";
import { Comparison } from "./comparison.js";
import { CorpusMaker } from "./corpus.js";
import { RunCard } from "./run.js";

const TIMES = [30, 60, 300, 1200, 0]; // seconds; 0: as the recipe says
const FIRST = 60; // of a first model

export class Train {
  constructor(studio) {
    this.studio = studio;
    this.cards = new Map();
    this.first = studio.models.length === 0;
    this.maker = new CorpusMaker(studio, (corpus) => this.#plan(corpus));
    this.comparison = new Comparison(studio, () => [...this.cards.values()].map(({ data }) => data));
    by("bundled-zh").addEventListener("click", () => this.#bundled("zh"));
    by("bundled-en").addEventListener("click", () => this.#bundled("en"));
    by("plan").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin(this.maker.corpus.id, by("name").value, Number(by("plan").elements.time.value));
    });
    by("times").append(...TIMES.map(time));
    this.#load();
  }

  async #load() {
    try {
      const { training } = await get("/training");
      for (const data of training) this.#add(data);
    } catch (error) {
      this.maker.say(error);
    }
  }

  show() {
    this.comparison.show();
    for (const card of this.cards.values()) card.update();
  }

  speak() {
    const t = this.studio.words();
    for (const label of by("times").children) {
      const seconds = Number(label.firstChild.value);
      label.lastChild.textContent = seconds ? t.times(seconds) : t.asNeeded;
    }
    this.maker.speak();
    for (const card of this.cards.values()) card.speak();
    this.#welcome();
    this.comparison.show();
  }

  #welcome() {
    const first = this.studio.models.length === 0 && this.cards.size === 0;
    by("welcome").hidden = !first;
    by("maker-title").textContent = this.studio.words()[first ? "welcomeTitle" : "trainTitle"];
    for (const language of ["zh", "en"]) {
      by(`bundled-${language}`).classList.toggle("next", first && language === this.studio.language);
    }
  }

  async #bundled(language) {
    const first = this.studio.models.length === 0 && this.cards.size === 0;
    const corpus = await this.maker.use(language);
    if (corpus && first) await this.#begin(corpus.id, this.#free(`lyrics-${language}`), FIRST);
  }

  /** Offers to train on a corpus. */
  #plan(corpus) {
    by("plan").hidden = !corpus || corpus.error !== null;
    if (!corpus) return;
    const file = corpus.files.find(({ error }) => !error)?.name.replace(/\.\w+$/u, "") ?? "";
    const plain = file.replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^[-_]+|-+$/gu, "");
    const name = { zh: "lyrics-zh", en: "lyrics-en" }[corpus.id] ?? ([...plain].slice(0, 50).join("") || "my-songs");
    if (!by("name").value || by("name").value === this.suggested) by("name").value = this.suggested = this.#free(name);
  }

  /** A name, or the first with a number after it, that no model has. */
  #free(name) {
    const taken = new Set([...this.studio.models.map(({ id }) => id), ...this.cards.keys()]);
    let number = 1;
    while (taken.has(number === 1 ? name : `${name}-${number}`)) number++;
    return number === 1 ? name : `${name}-${number}`;
  }

  async #begin(corpus, name, seconds) {
    try {
      const data = await post("/training", { corpus, name, seconds });
      this.maker.clear();
      by("name").value = "";
      this.#add(data).node.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.maker.say(error);
    }
  }

  #add(data) {
    const card = new RunCard(this.studio, data, {
      ended: () => this.#ended(data.id),
      changed: () => {
        this.#count();
        if (!by("train-place").hidden) this.comparison.show();
      },
      forgotten: () => this.#forget(data.id),
    });
    this.cards.get(data.id)?.node.remove();
    this.cards.set(data.id, card);
    by("runs").prepend(card.node);
    card.update();
    this.#count();
    return card;
  }

  #forget(id) {
    this.cards.get(id).node.remove();
    this.cards.delete(id);
    this.#count();
    by("drop").focus();
  }

  /** A run has ended, or waits to be resumed. */
  async #ended(id) {
    const { state } = this.cards.get(id).data;
    this.#count();
    if (state !== "finished") return;
    await this.studio.loadModels();
    this.studio.places.models.stale = true;
    if (!this.first) return this.comparison.show();
    this.first = false;
    this.studio.choose(id);
    if (!by("train-place").hidden) this.studio.go("write");
  }

  #count() {
    const active = [...this.cards.values()].filter(({ active }) => active).length;
    by("working").hidden = active === 0;
    by("working").textContent = active;
    this.#welcome();
  }
}

function time(seconds) {
  const radio = element("input", { type: "radio", name: "time", value: seconds, defaultChecked: seconds === FIRST });
  return element("label", { className: "chip" }, radio, element("span"));
}
