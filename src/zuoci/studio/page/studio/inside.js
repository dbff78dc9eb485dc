// The view "Look inside": how likely the model found each character of a text, and what its hidden units did there.

import { button, byId, element, inputById, readStorage, setStatus, writeStorage } from "../shared/dom.js";
import { events, isAbort, modelPath, post } from "./api.js";
import { Pace } from "./pace.js";
import { Reading, characterName, visible } from "./reading.js";
import { StatePicture, decodeStates } from "./state-picture.js";

/** @import {Inspection, Message, Studio, View} from "./types.js" */

const STORAGE_KEY = "zuoci inside";
const MAX_NLL = 8; // nats from which on the colour grows no deeper
const WATCH_LENGTH = 120; // characters that the model writes
const WATCH_INTERVAL = 40; // milliseconds per character
const TYPING_PAUSE = 400; // milliseconds without a change before a text is read
const MAX_STATE = 127; // values of a state are signed bytes
const CHIPS = 4; // units that are offered for a pattern

/** @implements {View} */
export class InsideView {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    /** @type {Inspection | null} */
    this.found = null; // the last inspection
    this.unit = -1; // the chosen hidden unit; −1: colours show the nll
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Pace<number> | null} */
    this.pace = null;
    /** @type {Message | null} */
    this.message = null;
    this.typing = 0; // timer
    this.reading = new Reading(byId("reading"), () => this.#showDetails());
    this.picture = new StatePicture(byId("state-picture", HTMLCanvasElement), (unit) => this.#chooseUnit(unit));
    this.source = byId("source", HTMLTextAreaElement);
    this.unitInput = inputById("unit");
    this.source.value = readStorage(STORAGE_KEY).text ?? "";
    byId("source-box").hidden = true;
    this.#listen();
  }

  #listen() {
    this.source.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.read(), TYPING_PAUSE);
    });
    byId("use-draft").addEventListener("click", () => {
      this.source.value = this.studio.views.write.text;
      this.read();
    });
    byId("edit-text").addEventListener("click", () => this.#openSource(byId("source-box").hidden === true));
    byId("watch").addEventListener("click", () => this.watch());
    byId("stop-watching").addEventListener("click", () => this.stop());
    this.unitInput.addEventListener("input", () => {
      this.#chooseUnit(this.unitInput.value === "" ? -1 : Number(this.unitInput.value));
    });
  }

  show() {
    if (!this.source.value) this.source.value = this.studio.views.write.text;
    if (!this.found) this.read();
  }

  showPhrases() {
    if (this.found) this.#render();
    this.#showState();
  }

  changeModel() {
    this.found = null;
    this.stop();
    if (!byId("inside-view").hidden) this.read();
  }

  /** @param {boolean} open */
  #openSource(open) {
    byId("source-box").hidden = !open;
    byId("edit-text").setAttribute("aria-expanded", String(open));
    if (open) this.source.focus();
  }

  /** Lets the model read the text. */
  async read() {
    const text = this.source.value;
    writeStorage(STORAGE_KEY, { text });
    if (!text.trim()) {
      this.found = null;
      this.#openSource(true);
      this.#render();
      return;
    }
    try {
      const found = await post(`${modelPath(this.studio.model)}/inspect`, { text });
      if (text !== this.source.value) return;
      const { characters, nll, perplexity } = found;
      this.found = { ...found, states: decodeStates(found.states) };
      this.message = (t) => t.inspected({ count: characters.length, nll, perplexity });
      this.reading.place = -1;
      if (this.unit >= found.hidden_size) this.unit = -1;
    } catch (error) {
      this.found = null;
      this.message = this.studio.describeError(error);
    }
    this.#render();
  }

  /** Lets the model write a text, then shows it character by character with the state at each. */
  async watch() {
    this.stop();
    const run = (this.running = new AbortController());
    this.message = (t) => t.writing;
    this.#openSource(false);
    this.#showState();
    try {
      this.source.value = (await this.#write(run.signal)).trim();
      await this.read();
      if (this.running === run && this.found) await this.#play(this.found);
    } catch (error) {
      if (!isAbort(error)) this.message = this.studio.describeError(error);
    }
    if (this.running !== run) return;
    this.running = null;
    this.#showState();
  }

  /** @param {AbortSignal} signal */
  async #write(signal) {
    const opening = inputById("opening").value;
    const { temperature, min_p, top_p, top_k, max_copy } = this.studio.views.write.options.values();
    const body = { opening, length: WATCH_LENGTH, temperature, min_p, top_p, top_k, max_copy };
    let text = "";
    for await (const { event, data } of events("POST", `${modelPath(this.studio.model)}/write`, body, signal)) {
      if (event === "begin") text = data.opening;
      if (event === "piece") text += data.text;
    }
    return text;
  }

  /** @param {Inspection} found */
  async #play(found) {
    const { nodes } = this.reading;
    for (const node of nodes) node.classList.add("unwritten");
    /** @param {number[]} places */
    const show = (places) => {
      for (const place of places) nodes[place].classList.remove("unwritten");
      this.picture.draw(stateAt(found, places[places.length - 1]), this.unit);
    };
    this.pace = new Pace(show, { interval: WATCH_INTERVAL, backlog: Infinity });
    this.pace.push(...nodes.keys());
    await this.pace.done();
    for (const node of nodes) node.classList.remove("unwritten");
  }

  stop() {
    this.running?.abort();
    this.pace?.stop();
  }

  #showState() {
    byId("watch").hidden = this.running !== null;
    byId("stop-watching").hidden = this.running === null;
    byId("scale").hidden = !this.found;
    this.reading.locked = this.running !== null;
    const t = this.studio.phrases();
    const parts = [this.message?.(t), this.message && this.found?.unknown && t.unknown(this.found.unknown)];
    setStatus(byId("inside-status"), parts.filter(Boolean).join(" · "));
  }

  #render() {
    const t = this.studio.phrases();
    if (this.found) this.reading.show(this.found, t);
    else this.reading.clear(t.noText);
    this.#colour();
    this.#showUnits();
    this.#showDetails();
    this.#showState();
  }

  /** Colours the text by nll, or by the value of the chosen unit, and shows the scale. */
  #colour() {
    const { found, unit } = this;
    const t = this.studio.phrases();
    const byNll = unit < 0;
    if (found) {
      this.reading.colour((place) => (byNll ? found.characters[place].nll / MAX_NLL : unitValue(found, place, unit)));
      this.unitInput.max = `${found.hidden_size - 1}`;
    }
    const [low, high, name] = byNll ? ["0", `${MAX_NLL}`, t.nllScale] : ["−1", "1", `${t.unit} ${unit}`];
    byId("scale").replaceChildren(
      element("span", { textContent: low }),
      element("span", { className: byNll ? "bar" : "bar both" }),
      element("span", { textContent: `${high}　${name}` }),
    );
    this.unitInput.value = byNll ? "" : `${unit}`;
  }

  /** Shows what the model expected at the selected character. */
  #showDetails() {
    const t = this.studio.phrases();
    const { found, unit } = this;
    const { place } = this.reading;
    if (!found || place < 0) {
      byId("character-details").replaceChildren(element("p", { className: "help", textContent: t.noCharacter }));
      return;
    }
    const { char, nll, most_likely } = found.characters[place];
    const rows = most_likely.map(([other, probability]) => this.#likelyCharacter(other, probability, other === char));
    const name = element("b", { textContent: characterName(char, t) });
    const value = unit < 0 ? "" : t.unitValue(unit, unitValue(found, place, unit));
    byId("character-details").replaceChildren(
      element("p", { className: "current" }, name, ` ${t.nllAndProbability(nll, t.percent(Math.exp(-nll)))}`),
      element("ol", { className: "most-likely" }, ...rows),
      ...(value ? [element("p", { className: "help", textContent: value })] : []),
    );
    this.picture.draw(stateAt(found, place), unit);
  }

  /** @param {string} char @param {number} probability @param {boolean} actual the one that stands in the text */
  #likelyCharacter(char, probability, actual) {
    const t = this.studio.phrases();
    const bar = element("span", { className: "chance" });
    bar.style.width = `${Math.max(probability * 100, 0.5)}%`;
    return element(
      "li",
      { className: actual ? "actual" : "" },
      element("b", { textContent: char === " " ? "␣" : visible(char), title: characterName(char, t) }),
      element("span", { className: "track" }, bar),
      element("span", { textContent: t.percent(probability) }),
    );
  }

  /** Lists the units that correlate most with each pattern. */
  #showUnits() {
    const t = this.studio.phrases();
    const patterns = Object.entries(this.found?.units ?? {}).filter(([, units]) => units.length);
    const groups = patterns.map(([name, units]) => {
      const title = element("span", { className: "small", textContent: t.unitKinds[name] ?? name });
      const chips = units.slice(0, CHIPS).map(({ unit, correlation }) => {
        return this.#chip(`${unit} · ${correlation.toFixed(2).replace("-", "−")}`, unit);
      });
      return element("div", { className: "group" }, title, ...chips);
    });
    const none = element("p", { className: "help", textContent: t.noUnits });
    byId("unit-list").replaceChildren(this.#chip(t.colourByNll, -1), ...(groups.length ? groups : [none]));
  }

  /** @param {string} text @param {number} unit */
  #chip(text, unit) {
    const node = button(text, () => this.#chooseUnit(unit), "chip");
    node.setAttribute("aria-pressed", String(unit === this.unit));
    node.dataset.unit = `${unit}`;
    return node;
  }

  /** @param {number} unit −1: none */
  #chooseUnit(unit) {
    if (!this.found || !Number.isInteger(unit) || unit >= this.found.hidden_size) return;
    this.unit = Math.max(unit, -1);
    this.#colour();
    for (const chip of byId("unit-list").querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.unit) === this.unit));
    }
    this.#showDetails();
  }
}

/** The hidden state after a character. @param {Inspection} found @param {number} place */
function stateAt({ states, hidden_size: size }, place) {
  return states.subarray(place * size, (place + 1) * size);
}

/**
 * The value of a unit after a character, from −1 to 1.
 * @param {Inspection} found
 * @param {number} place
 * @param {number} unit
 */
function unitValue({ states, hidden_size: size }, place, unit) {
  return states[place * size + unit] / MAX_STATE;
}
