// The settings form of the view "Write": a field for each setting of writing, made from the server's description.

import { element } from "../shared/dom.js";
import { TEMPERATURE_SLIDER, setBounds } from "../shared/fields.js";
import { RHYME_ALL, RHYME_CUSTOM, textSettings } from "./option-values.js";

/** @import {Setting, SettingsDocument} from "../shared/types.js" */
/** @import {FieldValues} from "./option-values.js" */
/** @import {Phrases} from "./types.js" */

/** @typedef {HTMLInputElement | HTMLSelectElement} Field */

const MAIN = ["lines", "rhyme", "line_length", "acrostic", "word", "temperature"]; // not under "More settings"
const WIDE = ["line_length", "acrostic", "word", "ban", "stop", "line_opening", "reading"]; // fields below their label
const SCHEMES = ["", "AABB", "ABAB", "XAXA", "AABA", RHYME_ALL, RHYME_CUSTOM];
const PLACEHOLDER_WIDTH = 34; // Latin letters; a Chinese character is as wide as two

export class Options {
  /**
   * @param {HTMLElement} form
   * @param {SettingsDocument} document
   * @param {() => void} changed
   */
  constructor(form, { settings, start }, changed) {
    this.settings = settings;
    /** @type {Record<string, unknown>} */
    this.start = start;
    /** @type {Map<string, Field>} */
    this.fields = new Map();
    /** @type {Map<string, {label: HTMLElement, help: HTMLElement}>} */
    this.texts = new Map();
    this.temperature = { output: element("output"), safer: element("span"), bolder: element("span") };
    this.customRhyme = element("input", { type: "text", id: "option-rhyme-own", spellcheck: false });
    this.customRhymeField = element("div", { className: "field", hidden: true }, this.customRhyme);
    this.more = element("summary");
    const main = MAIN.filter((name) => name in settings);
    const rest = Object.keys(settings).filter((name) => !main.includes(name));
    const more = element("details", { className: "more" }, this.more, ...rest.map((name) => this.#option(name)));
    form.replaceChildren(...main.map((name) => this.#option(name)), more);
    form.addEventListener("input", (event) => {
      if (event.target instanceof Element) event.target.removeAttribute("aria-invalid");
      this.#refresh();
      changed();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** A setting with its label, field and help. @param {string} name */
  #option(name) {
    const field = this.#field(name, this.settings[name]);
    field.id = `option-${name}`;
    this.fields.set(name, field);
    const text = element("span");
    const label = element("label", { htmlFor: field.id }, text);
    const help = element("p", { className: "help", id: `${field.id}-help` });
    field.setAttribute("aria-describedby", help.id);
    this.texts.set(name, { label: text, help });
    const row = !WIDE.includes(name) && field.type !== "range";
    const box = element("div", { className: row ? "field row" : "field" }, label, field);
    if (name === "temperature") {
      const { output, safer, bolder } = this.temperature;
      label.append(output);
      box.append(element("p", { className: "ends", ariaHidden: "true" }, safer, bolder));
    }
    const custom = name === "rhyme" ? [this.customRhymeField] : [];
    return element("div", { className: "option" }, box, help, ...custom);
  }

  /** @param {string} name @param {Setting} setting @returns {Field} */
  #field(name, setting) {
    if (name === "rhyme") return select(SCHEMES);
    if (setting.enum) return select(setting.enum);
    if (setting.type === "boolean") return element("input", { type: "checkbox" });
    if (name === "temperature") return element("input", { type: "range", ...TEMPERATURE_SLIDER });
    const number = setting.type === "integer" || setting.type === "number";
    const input = element("input", { type: number ? "number" : "text", autocomplete: "off", spellcheck: false });
    if (number) setBounds(input, setting); // what is too long is said by the server, and not cut
    return input;
  }

  /** Fills the fields with what `stored` returned, or else with start values. @param {Record<string, any>} [stored] */
  fill(stored = {}) {
    for (const [name, field] of this.fields) {
      const value = stored[name] ?? this.start[name] ?? this.settings[name].default ?? "";
      if (isCheckbox(field)) field.checked = value === true;
      else if (name === "seed") field.value = stored.seed ?? ""; // an empty seed is a new one each time
      else field.value = Array.isArray(value) ? value.join(" ") : `${value}`;
    }
    this.customRhyme.value = stored.own ?? "";
    this.#refresh();
  }

  /** The contents of all fields, to be stored. @returns {FieldValues} */
  stored() {
    const values = [...this.fields].map(([name, field]) => [name, isCheckbox(field) ? field.checked : field.value]);
    return { ...Object.fromEntries(values), own: this.customRhyme.value };
  }

  /** The settings of a request for a text. */
  values() {
    return textSettings(this.stored(), this.settings);
  }

  /** Marks the field of a setting as invalid. @param {string} name @returns {boolean} whether there is such a field */
  markInvalid(name) {
    const field = this.fields.get(name);
    field?.setAttribute("aria-invalid", "true");
    field?.closest("details:not([open])")?.setAttribute("open", "");
    return field !== undefined;
  }

  /** @param {Phrases} t */
  showPhrases(t) {
    this.more.textContent = t.more;
    for (const [name, { label, help }] of this.texts) this.#showOption(name, label, help, t);
    /** @type {Record<string, string>} */
    const rhymes = { "": t.rhymeNone, [RHYME_ALL]: t.rhymeAll, [RHYME_CUSTOM]: t.rhymeCustom };
    this.#nameChoices("rhyme", rhymes);
    this.#nameChoices("rhyme_standard", t.rhymeStandards);
    this.customRhyme.ariaLabel = t.customRhyme;
    this.customRhyme.placeholder = t.customRhymeHint;
    this.temperature.safer.textContent = t.safer;
    this.temperature.bolder.textContent = t.bolder;
    this.#refresh();
  }

  /**
   * Shows the help of a setting inside its field where it is short.
   * @param {string} name
   * @param {HTMLElement} label
   * @param {HTMLElement} help
   * @param {Phrases} t
   */
  #showOption(name, label, help, t) {
    const [text, hint] = t.options[name] ?? [name, this.settings[name].description ?? ""];
    const field = this.fields.get(name);
    const short = displayWidth(hint) <= PLACEHOLDER_WIDTH;
    const inside = field instanceof HTMLInputElement && field.type === "text" && short;
    label.textContent = text;
    if (field instanceof HTMLInputElement) field.placeholder = inside ? hint : "";
    help.textContent = hint;
    help.hidden = !hint || inside;
  }

  /** @param {string} name @param {Record<string, string>} texts */
  #nameChoices(name, texts) {
    const field = this.fields.get(name);
    if (!(field instanceof HTMLSelectElement)) return;
    for (const option of field.options) option.textContent = texts[option.value] ?? option.value;
  }

  #refresh() {
    this.temperature.output.textContent = Number(this.fields.get("temperature")?.value).toFixed(2);
    this.customRhymeField.hidden = this.fields.get("rhyme")?.value !== RHYME_CUSTOM;
  }
}

/** @param {Field} field @returns {field is HTMLInputElement} */
function isCheckbox(field) {
  return field.type === "checkbox";
}

/** @param {string[]} values */
function select(values) {
  return element("select", {}, ...values.map((value) => element("option", { value, textContent: value })));
}

/** The width of a text in Latin letters. @param {string} text */
export function displayWidth(text) {
  return [...text].reduce((sum, char) => sum + (char.charCodeAt(0) > 0x2e7f ? 2 : 1), 0);
}
