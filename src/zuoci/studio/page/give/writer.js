// Writes with a model: a whole text, character by character, or candidates for one line.

import { Alphabet, Form } from "./form.js";
import { choose, nll, uniform } from "./sampling.js";

/** @import {Setting, SettingsDocument} from "../shared/types.js" */
/** @import {WriteSettings} from "./types.js" */
/** @import {Model} from "./model.js" */
/** @import {Vocabulary} from "./vocabulary.js" */

const MAX_LINE = 400; // characters of a line, in case the form never ends it

/**
 * The position of a text: the state has read everything before the last character.
 * @typedef {{state: Float32Array, last: number}} Position
 */

/**
 * @typedef {object} Line
 * @property {string} text
 * @property {number} nll nats per character, the line break included
 * @property {number} broken positions at which the form was not kept
 */

/**
 * The settings of a text about which nothing was said: those that Python defines.
 * @param {Record<string, Setting>} settings of a `SettingsDocument`
 * @returns {WriteSettings}
 */
export function defaultSettings(settings) {
  return {
    length: settings.length.default,
    lines: settings.lines.default,
    temperature: settings.temperature.default,
    topK: settings.top_k.default,
    topP: settings.top_p.default,
    minP: settings.min_p.default,
    greedy: settings.greedy.default,
    seed: settings.seed.default,
    banned: settings.ban.default,
    lengths: [],
    acrostic: settings.acrostic.default,
    rhyme: settings.rhyme.default,
  };
}

export class Writer {
  /**
   * @param {Model} model
   * @param {Vocabulary} vocabulary
   * @param {Pick<SettingsDocument, "settings" | "constants">} document
   * @param {Record<string, string>} [rhymes] the rhyme of each character that has one
   */
  constructor(model, vocabulary, { settings, constants }, rhymes = {}) {
    this.model = model;
    this.vocabulary = vocabulary;
    this.defaults = defaultSettings(settings);
    this.alphabet = new Alphabet(vocabulary, rhymes, constants.max_word_letters);
  }

  /**
   * Continues an opening. Characters of it that the model does not know are dropped (`Vocabulary.adapt` names them).
   *
   * With `lines`, the whole text has that many lines, opening included, none of them empty, and keeps its form.
   *
   * @param {string} opening
   * @param {Partial<WriteSettings>} changes to the default settings
   * @returns {Generator<{char: string, nll: number}, {nll: number, broken: number}>} yields each character with its
   *   negative log-likelihood in nats; returns their mean, and the number of positions at which the form was not kept
   */
  *write(opening, changes) {
    const settings = { ...this.defaults, ...changes };
    const { ids } = this.vocabulary.adapt(opening);
    const position = this.positionAfter(ids);
    const form = settings.lines ? this.formAfter(ids, settings) : null;
    const limit = settings.lines ? settings.lines * MAX_LINE : settings.length;
    const banned = this.banned(settings);
    let total = 0;
    let count = 0;
    for (; count < limit; count++) {
      const allowed = form ? form.allowed(banned) : banned && banned.map((one) => 1 - one);
      const next = this.#next(position, settings, allowed, 0, count);
      const over = form && next.id === this.alphabet.lineBreak && form.line + 1 >= settings.lines;
      if (next.id < 0 || over) break;
      form?.read(next.id);
      position.last = next.id;
      total += next.nll;
      yield { char: this.vocabulary.characters[next.id], nll: next.nll };
    }
    return { nll: count ? total / count : 0, broken: form?.broken ?? 0 };
  }

  /**
   * Draws lines that could follow a text, or complete its last line.
   * @param {string} before the text, line break before the new line included
   * @param {Partial<WriteSettings>} changes to the default settings
   * @param {number} count lines to draw
   * @param {{letter: string, char: string}[]} [others] rhyme letter and last character of later lines
   * @param {number} [round] from 0; each round draws other lines
   * @returns {Line[]} different lines, the most likely first; `text` is without what `before` holds of the line
   */
  candidates(before, changes, count, others = [], round = 0) {
    const settings = { ...this.defaults, ...changes };
    const { ids } = this.vocabulary.adapt(before);
    const start = this.positionAfter(ids);
    const form = this.formAfter(ids, settings);
    for (const { letter, char } of others) form.addLineEnd(letter, this.vocabulary.ids.get(char) ?? -1);
    const banned = this.banned(settings);
    /** @type {Map<string, Line>} */
    const found = new Map();
    for (let k = 0; k < count; k++) {
      const stream = 1 + round * count + k; // 0 is the stream of whole texts
      const position = { state: start.state.slice(), last: start.last };
      const line = this.#line(position, form.fork(), settings, banned, stream);
      if (line.text && !found.has(line.text)) found.set(line.text, line);
    }
    return [...found.values()].sort((a, b) => a.nll - b.nll);
  }

  /** Reads a text. An empty one is where a new line begins. @param {number[]} ids @returns {Position} */
  positionAfter(ids) {
    const read = ids.length ? ids : [Math.max(this.alphabet.lineBreak, 0)];
    const state = this.model.start();
    for (const id of read.slice(0, -1)) this.model.step([id], state);
    return { state, last: read[read.length - 1] };
  }

  /** The form after a text. @param {number[]} ids @param {WriteSettings} settings */
  formAfter(ids, settings) {
    const form = new Form(this.alphabet, settings);
    for (const id of ids) form.read(id);
    return form;
  }

  /** `(V,)`, 1 where a character is banned; null if none is. @param {WriteSettings} settings */
  banned({ banned }) {
    if (!banned) return null;
    const chars = new Set(banned);
    return Uint8Array.from(this.vocabulary.characters, (char) => (chars.has(char) ? 1 : 0));
  }

  /**
   * @param {Position} position
   * @param {Form} form
   * @param {WriteSettings} settings
   * @param {Uint8Array | null} banned
   * @param {number} stream
   * @returns {Line}
   */
  #line(position, form, settings, banned, stream) {
    let text = "";
    let total = 0;
    let count = 0;
    while (count < MAX_LINE) {
      const next = this.#next(position, settings, form.allowed(banned), stream, count);
      if (next.id < 0) break;
      total += next.nll;
      count++;
      if (next.id === this.alphabet.lineBreak) break; // counted: a line that ends badly is an unlikely one
      form.read(next.id);
      position.last = next.id;
      text += this.vocabulary.characters[next.id];
    }
    return { text, nll: total / Math.max(count, 1), broken: form.broken };
  }

  /**
   * @param {Position} position
   * @param {WriteSettings} settings
   * @param {Uint8Array | null} allowed
   * @param {number} stream
   * @param {number} place
   */
  #next(position, settings, allowed, stream, place) {
    const { logits } = this.model.step([position.last], position.state);
    const id = choose(logits, settings, uniform(settings.seed, stream, place), allowed);
    return { id, nll: id < 0 ? 0 : nll(logits, id) };
  }
}
