// Writes with a model: a whole text, line by line, or candidates for one line. As zuoci.writing.text does it in Python.

import { Alphabet, RhymeConstraint, rhymeLetter, units } from "./form.js";
import { drawLines, pick, writeLine } from "./particles.js";
import { UniformStream, choose, nll, uniform } from "./sampling.js";

/** @import {SettingsDocument} from "../shared/types.js" */
/** @import {WriteSettings} from "./types.js" */
/** @import {LineJudge} from "./line_judge.js" */
/** @import {LinePlan} from "./line_state.js" */
/** @import {Model} from "./model.js" */
/** @import {CopyGuard} from "./originality.js" */
/** @import {Position, Rules, WrittenLine} from "./particles.js" */
/** @import {Vocabulary} from "./vocabulary.js" */

// Purposes of random numbers, for `streamOf`.
const WRITE = 0;
const LENGTH = 1; // a line that is written for its length
const PICK = 2; // which of the lines is kept
const POPULATIONS = 2; // of candidates, written independently
const MOST_POPULATIONS = 6; // until a line is found
const WITHOUT_RHYME = 4; // populations after which the rhyme is given up
const CANDIDATES = 2 ** 18; // in place of the number of a line: candidates for one

/** @param {number} line @param {number} round counts on when a line is written anew @param {number} purpose */
function streamOf(line, round, purpose) {
  return 4 * (4096 * line + round) + purpose;
}

/**
 * @typedef {object} Line
 * @property {string} text
 * @property {number} nll nats per character, the line break included
 */

/** A line as others rhyme with it: its text, and its last character that counts. @typedef {{text: string, last: number}} Partner */

/**
 * The settings of a text about which nothing was said: those that Python defines.
 * @param {Pick<SettingsDocument, "settings" | "constants">} document
 * @returns {WriteSettings}
 */
export function defaultSettings({ settings, constants }) {
  return {
    particles: constants.particles,
    length: settings.length.default,
    lines: settings.lines.default,
    temperature: settings.temperature.default,
    topK: settings.top_k.default,
    topP: settings.top_p.default,
    minP: settings.min_p.default,
    greedy: settings.greedy.default,
    selection: settings.selection.default,
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
   * @param {{guard?: CopyGuard | null, judge?: LineJudge | null}} [more]
   */
  constructor(model, vocabulary, document, rhymes = {}, { guard = null, judge = null } = {}) {
    this.model = model;
    this.vocabulary = vocabulary;
    this.constants = document.constants;
    this.defaults = defaultSettings(document);
    this.alphabet = new Alphabet(vocabulary, rhymes);
    this.guard = guard;
    this.judge = judge;
  }

  /**
   * Continues an opening. Characters of it that the model does not know are dropped (`Vocabulary.adapt` names them).
   *
   * With `lines`, the whole text has that many lines, opening included, none of them empty, and keeps its form. Where
   * no line is found that rhymes, however many of those before it are written anew, the rhyme of the line is given up.
   *
   * @param {string} opening
   * @param {Partial<WriteSettings>} changes to the default settings
   * @returns {Generator<string, {text: string, nll: number, broken: number}>} yields again and again what has been
   *   written after the opening, of which lines may be taken back; returns it with its nll, in nats per character, and
   *   the number of lines that do not keep the form
   */
  *write(opening, changes) {
    const rules = this.#rules(changes);
    const { ids } = this.vocabulary.adapt(opening);
    const { text, nll, broken } = yield* rules.settings.lines ? this.#writeForm(rules, ids) : this.#writeFree(rules, ids);
    return { text, nll, broken };
  }

  /**
   * Lines that could follow a text, or complete its last line. If none is found that rhymes, they need not rhyme.
   * @param {string} before the text, line break before the new line included
   * @param {Partial<WriteSettings>} changes to the default settings
   * @param {number} count lines to return at most
   * @param {{letter: string, text: string}[]} [others] rhyme letter and text of later lines
   * @param {number} [round] from 0; each round draws other lines
   * @returns {Generator<void, Line[]>} different lines, the best first; `text` is without what `before` holds of the line
   */
  *candidates(before, changes, count, others = [], round = 0) {
    const rules = this.#rules(changes);
    const { lead, first, partners } = this.#split(this.vocabulary.adapt(before).ids);
    const position = yield* this.#read(lead);
    const i = partners.length;
    const scheme = [...rules.settings.rhyme];
    const letter = rhymeLetter(scheme, i);
    const rhyming = partners.filter((_, k) => letter && rhymeLetter(scheme, k) === letter);
    for (const other of others) if (letter && other.letter === letter) rhyming.push(this.#partner(other.text));
    const plan = this.#plan(rules, i, first);
    const wish = { plan, partners: rhyming, rhymes: Boolean(letter), count: rhyming.length + 1, ahead: -1 };
    const lines = [];
    for (let k = 0; k < MOST_POPULATIONS && (k < POPULATIONS || !lines.length); k++) {
      if (k === WITHOUT_RHYME) wish.rhymes = false;
      lines.push(...(yield* this.#line(rules, position, wish, CANDIDATES, MOST_POPULATIONS * round + k)));
    }
    const opening = this.vocabulary.decode(first).length;
    const uniforms = new UniformStream(rules.settings.seed, streamOf(CANDIDATES, MOST_POPULATIONS * round, PICK));
    const different = new Map(lines.filter(({ text }) => text.length > opening).map((line) => [line.text, line]));
    return drawLines([...different.values()], uniforms, count)
      .sort((a, b) => b.score - a.score)
      .map(({ text, nll }) => ({ text: text.slice(opening), nll: nll / ([...text].length + 1) }));
  }

  /** @param {Partial<WriteSettings>} changes @returns {Rules} */
  #rules(changes) {
    const settings = { ...this.defaults, ...changes };
    const { model, alphabet, constants, judge } = this;
    const banned = [...settings.banned].flatMap((char) => this.vocabulary.ids.get(char) ?? []);
    return { model, alphabet, constants, judge, settings, banned, guard: settings.greedy ? null : this.guard };
  }

  /**
   * Writes lines with a form: if nothing is found for a line, the line before it is written anew; the more often it
   * fails, the more of them.
   * @param {Rules} rules
   * @param {number[]} ids the opening
   * @returns {Generator<string, {text: string, nll: number, broken: number}>}
   */
  *#writeForm(rules, ids) {
    const { settings, constants } = rules;
    const { lead, first, partners: given } = this.#split(ids);
    const total = Math.max(settings.lines, given.length + 1);
    const scheme = [...settings.rhyme];
    const letters = Array.from({ length: total }, (_, i) => rhymeLetter(scheme, i));
    const tries = new Uint32Array(total); // counted on when a line is written anew, so that it has new random numbers
    const failures = new Uint32Array(total);
    const free = new Set(); // lines whose rhyme has been given up
    /** @type {WrittenLine[]} */
    const lines = [];
    const positions = [yield* this.#read(lead, "")]; // before each line
    const opening = this.vocabulary.decode(first).length;
    const written = () => lines.map(({ text }) => text).join(this.vocabulary.decode([rules.alphabet.lineBreak])).slice(opening);
    let broken = 0;
    while (given.length + lines.length < total) {
      const i = given.length + lines.length;
      const before = [...given, ...lines.map(({ text }) => this.#partner(text))];
      const partners = before.filter((_, k) => letters[k] && letters[k] === letters[i]);
      const wish = {
        plan: this.#plan(rules, i, lines.length ? [] : first),
        partners,
        rhymes: Boolean(letters[i]) && !free.has(i),
        count: letters.filter((letter) => letter === letters[i]).length,
        ahead: i + 1 < total ? (this.#plan(rules, i + 1, []).opening[0] ?? -1) : -1,
      };
      const stream = tries[i]++;
      const steps = this.#line(rules, positions[lines.length], wish, i, stream);
      let next = steps.next();
      for (; !next.done; next = steps.next()) yield written();
      if (next.value.length) {
        lines.push(pick(next.value, uniform(settings.seed, streamOf(i, stream, PICK), 0)));
        positions.push(lines[lines.length - 1].after);
        continue;
      }
      failures[i]++;
      const failed = failures.reduce((sum, count) => sum + count, 0);
      if (settings.greedy || failed > constants.failures_per_line * (total - given.length) + constants.more_failures) {
        broken++;
        if (!wish.rhymes) break;
        free.add(i);
        failures.fill(0);
      }
      const kept = Math.max(lines.length - 1 - Math.floor(failures[i] / constants.failures_per_step_back), 0);
      if (!free.has(i)) lines.splice(kept), positions.splice(kept + 1);
    }
    const count = lines.reduce((sum, { text }) => sum + [...text].length + 1, 0);
    return { text: written(), nll: lines.reduce((sum, { nll }) => sum + nll, 0) / Math.max(count, 1), broken };
  }

  /**
   * The lines of a population that fulfil a wish.
   * @param {Rules} rules
   * @param {Position} position
   * @param {{plan: LinePlan, partners: Partner[], rhymes: boolean, count: number, ahead: number}} wish rhymes: whether
   *   the line must rhyme; count: lines with this rhyme; ahead: what the next line begins with, or −1
   * @param {number} i the number of the line
   * @param {number} round
   * @returns {Generator<void, WrittenLine[]>}
   */
  *#line(rules, position, { plan, partners, rhymes, count, ahead }, i, round) {
    const { particles, seed } = rules.settings;
    const known = rhymes ? partners.filter(({ last }) => this.alphabet.rhymes[last]) : [];
    if (!plan.length && known.length) {
      // Only a line whose end is known to come next can be led to its rhyme: it gets the length of one without a rhyme.
      const stream = streamOf(i, round, LENGTH);
      const found = yield* writeLine(rules, position, plan, stream, null, this.constants.particles_for_length);
      const free = found.length ? pick(found, uniform(seed, stream, 2 ** 20)).text : known[0].text;
      plan = { ...plan, length: Math.max(units([...free]).length, units([...this.vocabulary.decode(plan.opening)]).length) };
    }
    const rhyme = rhymes ? new RhymeConstraint(this.alphabet, known.map(({ last }) => last), count) : null;
    return yield* writeLine(rules, position, plan, streamOf(i, round, WRITE), rhyme, particles, ahead);
  }

  /** What line `i` has to be. @param {Rules} rules @param {number} i @param {readonly number[]} start @returns {LinePlan} */
  #plan({ settings }, i, start) {
    const acrostic = this.vocabulary.adapt(settings.acrostic).ids[i];
    const opening = start.length || acrostic === undefined ? start : [acrostic];
    const length = settings.lengths.length ? settings.lengths[i % settings.lengths.length] : 0;
    const least = units([...this.vocabulary.decode(opening)]).length;
    return { length: length && Math.max(length, least), opening };
  }

  /**
   * The complete lines of a text, and what its last line begins with.
   * @param {readonly number[]} ids
   */
  #split(ids) {
    const size = ids.lastIndexOf(this.alphabet.lineBreak) + 1;
    const lead = ids.slice(0, size);
    /** @type {Partner[]} */
    const partners = [];
    for (let from = 0; from < size; ) {
      const end = lead.indexOf(this.alphabet.lineBreak, from);
      partners.push(this.#partner(this.vocabulary.decode(lead.slice(from, end))));
      from = end + 1;
    }
    return { lead, first: ids.slice(size), partners };
  }

  /** @param {string} text a line @returns {Partner} */
  #partner(text) {
    return { text, last: this.alphabet.lastCounted(Array.from(text, (char) => this.vocabulary.ids.get(char) ?? -1)) };
  }

  /**
   * Reads a text. An empty one is where a new line begins.
   * @template T
   * @param {readonly number[]} ids
   * @param {T} [progress] what is yielded
   * @returns {Generator<T, Position>}
   */
  *#read(ids, progress) {
    const read = ids.length ? ids : [Math.max(this.alphabet.lineBreak, 0)];
    const state = this.model.start();
    for (const id of read.slice(0, -1)) {
      this.model.step([id], state);
      yield /** @type {T} */ (progress);
    }
    return { ids, state, last: read[read.length - 1], given: ids.length };
  }

  /**
   * Writes a text without a form, character by character.
   * @param {Rules} rules
   * @param {number[]} opening
   * @returns {Generator<string, {text: string, nll: number, broken: number}>}
   */
  *#writeFree({ settings, banned, guard }, opening) {
    const { state, last } = yield* this.#read(opening, "");
    const ids = [...opening];
    const allowed = new Uint8Array(this.alphabet.size);
    let total = 0;
    for (let read = last; ids.length - opening.length < settings.length; read = ids[ids.length - 1]) {
      const { logits } = this.model.step([read], state);
      allowed.fill(1);
      for (const id of [...banned, ...(guard?.banned(ids) ?? [])]) allowed[id] = 0;
      const id = choose(logits, settings, uniform(settings.seed, 0, ids.length - opening.length), allowed);
      if (id < 0) break;
      total += nll(logits, id);
      ids.push(id);
      yield this.vocabulary.decode(ids.slice(opening.length));
    }
    const count = ids.length - opening.length;
    return { text: this.vocabulary.decode(ids.slice(opening.length)), nll: total / Math.max(count, 1), broken: 0 };
  }
}
