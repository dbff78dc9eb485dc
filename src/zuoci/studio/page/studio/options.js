// The options of writing as fields of a form, by the schema that the server sends.

import { element } from "../shared/dom.js";

const MAIN = ["lines", "rhyme", "line_length", "acrostic", "word", "temperature"];
const WIDE = ["line_length", "acrostic", "word", "ban", "stop", "line_opening", "reading"];
const SCHEMES = ["", "AABB", "ABAB", "XAXA", "AABA", "all", "own"];
const BEGIN = { lines: 8, rhyme: "AABB", stanza: "4", temperature: 0.8 }; // what a newcomer sees; the rest as the schema says
const ROOM = 34; // of a placeholder, in letters; a Chinese character takes two
const FORM = ["lines", "line_length", "stanza", "acrostic", "word", "line_opening", "rhyme"];

export class Options {
  /**
   * @param {HTMLElement} form
   * @param {object} schema JSON schema of the options
   * @param {{lines: number, length: number}} limits the server's
   * @param {() => void} changed
   */
  constructor(form, schema, limits, changed) {
    Object.assign(this, { form, limits, properties: schema.properties });
    this.fields = new Map();
    this.help = new Map();
    const names = Object.keys(this.properties);
    const shown = MAIN.filter((name) => names.includes(name));
    this.summary = element("summary");
    const rest = element("details", { className: "more" }, this.summary);
    form.replaceChildren(...shown.flatMap((name) => this.#field(name)), rest);
    for (const name of names) if (!shown.includes(name)) rest.append(...this.#field(name));
    form.addEventListener("input", (event) => {
      event.target.removeAttribute("aria-invalid");
      this.#refresh();
      changed();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  #field(name) {
    const property = this.properties[name];
    const kind = property.anyOf?.find(({ type }) => type !== "null") ?? property;
    const control = this.#control(name, kind);
    control.id = `option-${name}`;
    this.fields.set(name, control);
    const label = element("label", { htmlFor: control.id }, element("span"));
    const help = element("p", { className: "help", id: `${control.id}-help` });
    control.setAttribute("aria-describedby", help.id);
    this.help.set(name, { label: label.firstChild, help });
    const row = !WIDE.includes(name) && control.type !== "range";
    const box = element("div", { className: row ? "field row" : "field" }, label, control);
    if (control.type === "range") {
      label.append(element("output"));
      const ends = element("p", { className: "ends", ariaHidden: "true" }, element("span"), element("span"));
      this.ends = ends.children;
      box.append(ends);
    }
    const wrapped = element("div", { className: "option" }, box, help);
    if (name !== "rhyme") return [wrapped];
    this.own = element("input", {
      type: "text",
      id: "option-rhyme-own",
      spellcheck: false,
      autocomplete: "off",
      maxLength: 200,
    });
    wrapped.append(element("div", { className: "field", hidden: true }, this.own));
    return [wrapped];
  }

  #control(name, kind) {
    if (name === "rhyme") return choices(SCHEMES);
    if (kind.enum) return choices(kind.enum);
    if (kind.type === "boolean") return element("input", { type: "checkbox" });
    if (name === "temperature") return element("input", { type: "range", min: "0.1", max: "1.5", step: "0.05" });
    if (kind.type === "integer" || kind.type === "number") {
      const limit = { lines: this.limits.lines, length: this.limits.length }[name] ?? kind.maximum ?? "";
      const step = kind.type === "integer" ? "1" : "0.01";
      return element("input", {
        type: "number",
        min: kind.minimum ?? 0,
        max: limit,
        step,
        inputMode: step === "1" ? "numeric" : "decimal",
      });
    }
    return element("input", {
      type: "text",
      autocomplete: "off",
      spellcheck: false,
      maxLength: kind.maxLength ?? 1000,
    });
  }

  /** Fills the fields with what was kept of them, or else with what they begin with. */
  fill(kept = {}) {
    for (const [name, control] of this.fields) {
      const begin = kept[name] ?? BEGIN[name] ?? this.properties[name].default ?? "";
      if (control.type === "checkbox") control.checked = begin === true;
      else
        control.value =
          name === "seed" && kept.seed === undefined ? "" : Array.isArray(begin) ? begin.join(" ") : `${begin}`;
    }
    this.own.value = kept.own ?? "";
    this.#refresh();
  }

  /** What to keep, for `fill`. */
  kept() {
    const value = (control) => (control.type === "checkbox" ? control.checked : control.value);
    return {
      ...Object.fromEntries([...this.fields].map(([name, control]) => [name, value(control)])),
      own: this.own.value,
    };
  }

  /** The options as the server takes them; those that are empty are left out. */
  values() {
    const values = {};
    for (const [name, control] of this.fields) {
      const kind = this.properties[name].anyOf?.[0] ?? this.properties[name];
      if (control.type === "checkbox") values[name] = control.checked;
      else if (kind.type === "array")
        values[name] = parts(control.value, name === "word" ? /[\s,，;；、]+/u : /[,，;；、]+/u);
      else if (control.value === "" || control.value === "own" || control.value === "all") continue;
      else
        values[name] = kind.type === "integer" || kind.type === "number" ? Number(control.value) : control.value.trim();
    }
    for (const name of ["line_length", "stanza"]) values[name] = (values[name] ?? "").replace(/[\s，、/]+/gu, ",");
    const rhyme = this.fields.get("rhyme").value;
    if (rhyme === "own") values.rhyme = this.own.value;
    if (rhyme === "all") values.rhyme = "A".repeat(values.lines || 4);
    if (!values.lines) for (const name of FORM) delete values[name];
    return values;
  }

  /** The options that say how to draw, without those of the form. */
  drawing() {
    const values = this.values();
    for (const name of [...FORM, "length", "stop", "seed"]) delete values[name];
    return values;
  }

  /** Shows which field an error speaks of; false if it speaks of none. */
  blame(name) {
    const control = this.fields.get(name);
    control?.setAttribute("aria-invalid", "true");
    control?.closest("details:not([open])")?.setAttribute("open", "");
    return control !== undefined;
  }

  speak(words) {
    this.summary.textContent = words.more;
    for (const [name, { label, help }] of this.help) {
      const [text, hint] = words.options[name] ?? [name, this.properties[name].description];
      label.textContent = text;
      const control = this.fields.get(name);
      const short = control.type === "text" && units(hint) <= ROOM;
      if (control.type === "text") control.placeholder = short ? hint : "";
      help.textContent = hint;
      help.hidden = !hint || short;
    }
    const named = { "": words.rhymeNone, all: words.rhymeAll, own: words.unitRhyme };
    for (const option of this.fields.get("rhyme").options) option.textContent = named[option.value] ?? option.value;
    for (const option of this.fields.get("rhyme_standard").options) option.textContent = words.standards[option.value];
    this.own.ariaLabel = words.customRhyme;
    this.own.placeholder = words.customRhymeHint;
    [this.ends[0].textContent, this.ends[1].textContent] = [words.safer, words.bolder];
    this.#refresh();
  }

  #refresh() {
    const control = this.fields.get("temperature");
    control.parentNode.querySelector("output").textContent = Number(control.value).toFixed(2);
    this.own.parentNode.hidden = this.fields.get("rhyme").value !== "own";
  }
}

function choices(values) {
  return element("select", {}, ...values.map((value) => element("option", { value, textContent: value })));
}

function units(text) {
  return [...text].reduce((sum, char) => sum + (char.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
}

function parts(text, between) {
  return text
    .split(between)
    .map((part) => part.trim())
    .filter(Boolean);
}
