// A model, an opening and a wish → a text, character by character; and candidates for one line.

import { Alphabet, Form } from "./form.js";
import { draw, greedy, surprise, uniform } from "./sampling.js";

/** What is written unless asked otherwise. Without `lines`, `length` characters follow the opening. */
export const DEFAULTS = Object.freeze({
  length: 50,
  lines: 0,
  temperature: 0.6,
  topK: 0,
  topP: 1,
  minP: 0,
  greedy: false,
  banned: "",
  seed: 0,
  lengths: Object.freeze([]),
  acrostic: "",
  rhyme: "",
});

const LONGEST = 400; // characters of a line, whatever the form says

/**
 * @typedef {{state: Float32Array, last: number}} Place in a text: everything before the last character is read
 * @typedef {{text: string, nll: number, broken: number}} Line nll: nats a character
 */

export class Writer {
  /**
   * @param {Model} model
   * @param {Vocabulary} vocabulary
   * @param {Object<string, string>} rhymes character → the name of its rhyme
   */
  constructor(model, vocabulary, rhymes = {}) {
    this.model = model;
    this.vocabulary = vocabulary;
    this.alphabet = new Alphabet(vocabulary, rhymes);
    this.weights = new Float64Array(vocabulary.size);
  }

  /**
   * Continues an opening; `wish` is `DEFAULTS` where it says nothing.
   *
   * With `lines`, the whole text gets so many, those of the opening counted, none of them empty, and the form is
   * kept. Unknown characters of the opening are left out (`Vocabulary.adapt` says which).
   *
   * @yields {{char: string, nll: number}} nll: how unlikely the model itself thinks it, nats
   * @returns {{nll: number, broken: number}} the mean; places where the form had to be let go
   */
  *write(opening, wish) {
    const settings = { ...DEFAULTS, ...wish };
    const { ids } = this.vocabulary.adapt(opening);
    const place = this.place(ids);
    const form = settings.lines ? this.form(ids, settings) : null;
    const longest = settings.lines ? settings.lines * LONGEST : settings.length;
    const { lineBreak } = this.alphabet;
    const banned = this.banned(settings);
    let nll = 0;
    let count = 0;
    for (; count < longest; count++) {
      const next = this.#next(place, settings, form ? form.allowed(banned) : banned && invert(banned), 0, count);
      if (next.id < 0 || (form && next.id === lineBreak && form.line + 1 >= settings.lines)) break;
      form?.read(next.id);
      place.last = next.id;
      nll += next.nll;
      yield { char: this.vocabulary.characters[next.id], nll: next.nll };
    }
    return { nll: count ? nll / count : 0, broken: form?.broken ?? 0 };
  }

  /**
   * Draws lines that could follow a text, or complete its last line.
   * @param {string} before the text, with the break before the line
   * @param {{letter: string, char: string}[]} others ends of later lines that it has to rhyme with
   * @returns {Line[]} different ones, the likeliest first; `text` without what `before` holds
   */
  candidates(before, wish, count, others = []) {
    const settings = { ...DEFAULTS, ...wish };
    const { ids } = this.vocabulary.adapt(before);
    const start = this.place(ids);
    const begun = this.form(ids, settings);
    for (const { letter, char } of others) begun.note(letter, this.vocabulary.ids.get(char) ?? -1);
    const banned = this.banned(settings);
    const found = new Map();
    for (let stream = 1; stream <= count; stream++) {
      const line = this.#line({ state: start.state.slice(), last: start.last }, begun.fork(), settings, banned, stream);
      if (line.text && !found.has(line.text)) found.set(line.text, line);
    }
    return [...found.values()].sort((a, b) => a.nll - b.nll);
  }

  /** Where a text leaves off. Nothing: where a new line begins. */
  place(ids) {
    const read = ids.length ? ids : [Math.max(this.alphabet.lineBreak, 0)];
    const state = this.model.start();
    for (const id of read.slice(0, -1)) this.model.step([id], state);
    return { state, last: read.at(-1) };
  }

  /** The form of a text, led on to its end. */
  form(ids, settings) {
    const form = new Form(this.alphabet, settings);
    for (const id of ids) form.read(id);
    return form;
  }

  /** `(V,)`, 1 where a character is banned; null if none is. */
  banned({ banned }) {
    if (!banned) return null;
    const chars = new Set(banned);
    return Uint8Array.from(this.vocabulary.characters, (char) => (chars.has(char) ? 1 : 0));
  }

  #line(place, form, settings, banned, stream) {
    let [text, nll, count] = ["", 0, 0];
    while (count < LONGEST) {
      const next = this.#next(place, settings, form.allowed(banned), stream, count);
      if (next.id < 0) break;
      nll += next.nll;
      count++;
      if (next.id === this.alphabet.lineBreak) break; // its likelihood counts: whether the line is whole
      form.read(next.id);
      place.last = next.id;
      text += this.vocabulary.characters[next.id];
    }
    return { text, nll: nll / Math.max(count, 1), broken: form.broken };
  }

  #next(place, settings, allowed, stream, count) {
    const { logits } = this.model.step([place.last], place.state);
    const id = settings.greedy
      ? greedy(logits, allowed)
      : draw(logits, settings, uniform(settings.seed, stream, count), allowed, this.weights);
    return { id, nll: id < 0 ? 0 : surprise(logits, id) };
  }
}

function invert(banned) {
  return banned.map((one) => 1 - one);
}
