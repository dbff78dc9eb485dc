// The settings of the exported page: form fields ↔ `WriteSettings`. Bounds and start values come from Python.

import { byId, inputById } from "../shared/dom.js";
import { TEMPERATURE_SLIDER, boundedNumber, setBounds } from "../shared/fields.js";
import { parseLengths, rhymeLetter } from "./form.js";
import { defaultSettings } from "./writer.js";

/** @import {Setting, SettingsDocument} from "../shared/types.js" */
/** @import {GivePhrases, WriteSettings} from "./types.js" */

const SEPARATORS = /[\s,，;；、]+/u; // of words, as in the studio

export class SettingsForm {
  /**
   * @param {SettingsDocument} document
   * @param {boolean} hasRhymes whether the model's characters have rhymes
   * @param {() => GivePhrases} phrases
   * @param {() => void} changed
   */
  constructor(document, hasRhymes, phrases, changed) {
    const { settings, start } = document;
    this.document = document;
    this.phrases = phrases;
    this.leastCopy = document.constants.copy_window - 1; // shorter copies cannot be told
    /** The setting behind each field that is bounded. @type {Record<string, Setting>} */
    this.bounded = {
      "line-count": { ...settings.lines, minimum: 1, default: start.lines },
      "top-p": settings.top_p,
      "min-p": settings.min_p,
      "top-k": settings.top_k,
      seed: settings.seed,
      "max-copy": { ...settings.max_copy, default: this.leastCopy },
      acrostic: settings.acrostic,
      banned: settings.ban,
    };
    this.rhyme = byId("rhyme", HTMLSelectElement);
    this.temperature = Object.assign(inputById("temperature"), TEMPERATURE_SLIDER, { value: `${settings.temperature.default}` });
    this.lengths = inputById("lengths");
    setBounds(this.lengths, settings.line_length);
    this.words = inputById("words");
    this.rhyme.value = hasRhymes ? start.rhyme : "";
    for (const [id, setting] of Object.entries(this.bounded)) {
      setBounds(inputById(id), setting);
      if (id !== "seed") inputById(id).value = setting.default; // an empty seed is a new one each time
    }
    this.temperature.addEventListener("input", () => this.#showTemperature());
    this.lengths.addEventListener("input", () => this.#checkLengths());
    for (const field of this.#fields().values()) field.addEventListener("change", changed);
  }

  /** All fields by their ids. @returns {Map<string, HTMLInputElement | HTMLSelectElement>} */
  #fields() {
    const bounded = Object.keys(this.bounded).map((id) => inputById(id));
    return new Map([this.rhyme, this.temperature, this.lengths, this.words, ...bounded].map((field) => [field.id, field]));
  }

  /** What the fields ask for. @returns {WriteSettings} */
  values() {
    const random = crypto.getRandomValues(new Uint32Array(1))[0];
    const seed = inputById("seed").value === "" ? random : this.#number("seed");
    const maxCopy = this.#number("max-copy");
    return {
      ...defaultSettings(this.document),
      lines: this.#number("line-count"),
      temperature: Number(this.temperature.value),
      lengths: this.#lengths() ?? [],
      words: this.words.value.split(SEPARATORS).filter(Boolean).slice(0, this.document.settings.word.maxItems),
      maxCopy: maxCopy && Math.max(maxCopy, this.leastCopy),
      acrostic: inputById("acrostic").value,
      rhyme: this.rhyme.value,
      topP: this.#number("top-p"),
      minP: this.#number("min-p"),
      topK: this.#number("top-k"),
      banned: inputById("banned").value,
      seed: Math.min(seed, Number.MAX_SAFE_INTEGER),
    };
  }

  /** The lengths of lines; null: something else is written there. */
  #lengths() {
    return parseLengths(this.lengths.value, this.document.constants.max_lines);
  }

  /** @param {string} id */
  #number(id) {
    return boundedNumber(inputById(id), this.bounded[id]);
  }

  /** The rhyme letter of a line, or "". @param {number} line from 0 */
  letter(line) {
    return rhymeLetter([...this.rhyme.value], line);
  }

  /** The texts in the fields, to be stored. */
  stored() {
    return Object.fromEntries([...this.#fields()].map(([id, field]) => [id, field.value]));
  }

  /** Fills in what `stored` returned. @param {Record<string, unknown>} stored */
  restore(stored) {
    for (const [id, field] of this.#fields()) {
      const value = stored[id];
      if (typeof value === "string") field.value = value;
    }
  }

  /** Updates the texts beside the fields. */
  showPhrases() {
    this.#showTemperature();
    this.#checkLengths();
  }

  #showTemperature() {
    byId("temperature-value").textContent = Number(this.temperature.value).toFixed(2);
  }

  #checkLengths() {
    const valid = this.#lengths() !== null;
    this.lengths.setAttribute("aria-invalid", String(!valid));
    const t = this.phrases();
    byId("lengths-help").textContent = valid ? t.lengthsHelp : t.wrongLengths(this.document.constants.max_lines);
    byId("max-copy-help").textContent = t.maxCopyHelp(this.leastCopy);
  }
}
