// Writes with a model: a whole text, line by line, or candidates for one line. As zuoci.writing.text does it in Python.

import { Alphabet, RhymeConstraint, rhymeKey, sum, units } from "./form.js";
import { drawLines, pick, step, writeLine } from "./particles.js";
import { placeWords } from "./placement.js";
import { UniformStream, choose, nll, uniform } from "./sampling.js";

/** @import {SettingsDocument} from "../shared/types.js" */
/** @import {WriteSettings} from "./types.js" */
/** @import {LineJudge} from "./line_judge.js" */
/** @import {FixedText, LinePlan} from "./line_state.js" */
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
// In place of the number of a line, or added to it:
const CANDIDATES = 2 ** 18; // candidates for one
const DRAFT = 2 ** 17; // the draft in which required words are placed

/** @param {number} line @param {number} round counts on when a line is written anew @param {number} purpose */
function streamOf(line, round, purpose) {
  return 4 * (4096 * line + round) + purpose;
}

/**
 * @typedef {object} Line
 * @property {string} text
 * @property {number} nll nats per character, the line break included
 */

/**
 * @typedef {object} WrittenText
 * @property {string} text without the opening
 * @property {number} nll nats per character
 * @property {number} broken lines that do not keep the form
 * @property {string[]} unplaced required words for which no line had room
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
    maxCopy: settings.max_copy.default ?? constants.copy_window - 1,
    banned: settings.ban.default,
    lengths: [],
    words: settings.word.default,
    locked: new Map(),
    acrostic: settings.acrostic.default,
    rhyme: settings.rhyme.default,
  };
}

/**
 * The lines that line `i` must rhyme with.
 * @param {Rules} rules
 * @param {number} i
 * @param {(k: number) => Partner | undefined} at the line `k`, if it is written
 * @param {number} total lines
 */
function partnersOf({ settings }, i, at, total) {
  const scheme = [...settings.rhyme];
  const key = rhymeKey(scheme, i);
  return Array.from({ length: key ? total : 0 }, (_, k) => k)
    .filter((k) => k !== i && rhymeKey(scheme, k) === key)
    .flatMap((k) => at(k) ?? []);
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
   * With `lines`, the whole text has that many lines, opening included, none of them empty, and keeps its form. The
   * locked ones among them stay as they are, and the others are written around them and rhyme with them. Where no line
   * is found that rhymes, however many of those before it are written anew, the rhyme of the line is given up.
   *
   * @param {string} opening
   * @param {Partial<WriteSettings>} changes to the default settings
   * @returns {Generator<string, WrittenText>} yields again and again what has been written after the opening, of which
   *   lines may be taken back
   */
  *write(opening, changes) {
    const rules = this.#rules(changes);
    const { ids } = this.vocabulary.adapt(opening);
    return yield* rules.settings.lines ? this.#writeForm(rules, ids) : this.#writeFree(rules, ids);
  }

  /**
   * Lines that could follow a text, or complete its last line. If none is found that rhymes, they need not rhyme.
   * @param {string} before the text, line break before the new line included
   * @param {Partial<WriteSettings>} changes to the default settings
   * @param {number} count lines to return at most
   * @param {readonly string[]} [after] the lines after it
   * @param {number} [round] from 0; each round draws other lines
   * @param {readonly (readonly [number, string])[]} [words] words that must stand in it, each with the syllables before it
   * @returns {Generator<void, Line[]>} different lines, the best first; `text` is without what `before` holds of the line
   */
  *candidates(before, changes, count, after = [], round = 0, words = []) {
    const rules = this.#rules(changes);
    const { lead, first, partners } = this.#split(this.vocabulary.adapt(before).ids);
    const position = yield* this.#read(lead);
    const i = partners.length;
    const plan = this.#plan(rules, i, first, words.map(([offset, word]) => [offset, this.vocabulary.adapt(word).ids]));
    const later = after.map((text) => this.#partner(text));
    const rhyming = partnersOf(rules, i, (k) => (k < i ? partners[k] : later[k - i - 1]), i + 1 + later.length);
    const wish = { plan, partners: rhyming, rhymes: Boolean(plan.rhyme), count: rhyming.length + 1, ahead: after[0] ? this.#beginning(after[0], plan) : -1 };
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
    const guard = settings.greedy || !settings.maxCopy ? null : this.guard;
    return { model, alphabet, constants, judge, settings, banned, guard };
  }

  /**
   * Writes lines with a form, twice if words must appear: they are placed in a draft.
   * @param {Rules} rules
   * @param {number[]} ids the opening
   * @returns {Generator<string, WrittenText>}
   */
  *#writeForm(rules, ids) {
    const { settings, alphabet } = rules;
    const { lead, first, partners: given } = this.#split(ids);
    const total = Math.max(settings.lines, given.length + 1);
    const begins = settings.locked.has(given.length) ? [] : first; // a locked line begins as it does
    let plans = Array.from({ length: total }, (_, i) => this.#plan(rules, i, i === given.length ? begins : []));
    const start = yield* this.#read(lead, "");
    const words = settings.words.filter((word) => !this.#stays(rules, ids, word));
    /** @type {string[]} */
    let unplaced = [];
    if (words.length) {
      const draft = yield* this.#writeLines(rules, start, plans, given, DRAFT, () => "");
      ({ plans, unplaced } = yield* this.#place(rules, plans, given.length, draft, words));
    }
    const opening = this.vocabulary.decode(begins).length;
    const lineBreak = this.vocabulary.decode([alphabet.lineBreak]);
    /** @param {readonly WrittenLine[]} lines */
    const joined = (lines) => lines.map(({ text }) => text).join(lineBreak).slice(opening);
    const { lines, broken } = yield* this.#writeLines(rules, start, plans, given, 0, joined);
    const count = sum(lines.map(({ text }) => [...text].length + 1));
    return { text: joined(lines), nll: sum(lines.map(({ nll }) => nll)) / Math.max(count, 1), broken, unplaced };
  }

  /** Whether a word stands in what is not written: the opening and the locked lines. @param {Rules} rules @param {readonly number[]} opening @param {string} word */
  #stays({ settings }, opening, word) {
    return [this.vocabulary.decode(opening), ...settings.locked.values()].some((text) => text.includes(word));
  }

  /**
   * Places words in a draft.
   * @param {Rules} rules
   * @param {LinePlan[]} plans of all lines
   * @param {number} given how many of them are given
   * @param {{lines: WrittenLine[], positions: Position[]}} draft
   * @param {readonly string[]} words
   * @returns {Generator<string, {plans: LinePlan[], unplaced: string[]}>} unplaced: words for which no line has room, or
   *   of which the model knows no character
   */
  *#place(rules, plans, given, { lines, positions }, words) {
    const known = words.filter((word) => units([...this.vocabulary.adapt(word).text]).length);
    const draft = lines.map(({ text }, k) => ({
      before: positions[k],
      ids: this.vocabulary.adapt(text).ids,
      plan: rules.settings.locked.has(given + k) ? null : plans[given + k],
    }));
    const steps = placeWords(rules, draft, known);
    let next = steps.next();
    for (; !next.done; next = steps.next()) yield "";
    const placed = next.value.plans;
    const unplaced = [...next.value.unplaced, ...words.filter((word) => !known.includes(word))];
    return { plans: plans.map((plan, i) => placed[i - given] ?? plan), unplaced };
  }

  /**
   * Writes the lines of a form: if nothing is found for a line, the line before it is written anew; the more often it
   * fails, the more of them.
   * @param {Rules} rules
   * @param {Position} start before the first line that is written
   * @param {readonly LinePlan[]} plans of all lines
   * @param {readonly Partner[]} given the lines before these
   * @param {number} numbers added to the numbers of lines, for other random numbers
   * @param {(lines: readonly WrittenLine[]) => string} progress what is yielded
   * @returns {Generator<string, {lines: WrittenLine[], positions: Position[], broken: number}>} with the position before
   *   each line, and the number of lines that do not keep the form
   */
  *#writeLines(rules, start, plans, given, numbers, progress) {
    const { settings, constants } = rules;
    const total = plans.length;
    const tries = new Uint32Array(total); // counted on when a line is written anew, so that it has new random numbers
    const failures = new Uint32Array(total);
    const free = new Set(); // lines whose rhyme has been given up
    const locked = new Map([...settings.locked].map(([i, text]) => [i, this.#partner(text)]));
    /** @type {WrittenLine[]} */
    const lines = [];
    const positions = [start]; // before each line
    let broken = 0;
    while (given.length + lines.length < total) {
      const i = given.length + lines.length;
      const stays = locked.get(i);
      if (stays) {
        lines.push(yield* this.#readLine(positions[lines.length], stays.text, progress(lines)));
        positions.push(lines[lines.length - 1].after);
        continue;
      }
      const before = [...given, ...lines.map(({ text }) => this.#partner(text))];
      const wish = {
        plan: plans[i],
        partners: partnersOf(rules, i, (k) => (k < i ? before[k] : locked.get(k)), total),
        rhymes: Boolean(plans[i].rhyme) && !free.has(i),
        count: plans.filter(({ rhyme }) => rhyme === plans[i].rhyme).length,
        ahead: i + 1 < total ? this.#beginning(settings.locked.get(i + 1) ?? "", plans[i + 1]) : -1,
      };
      const round = tries[i]++;
      const steps = this.#line(rules, positions[lines.length], wish, numbers + i, round);
      let next = steps.next();
      for (; !next.done; next = steps.next()) yield progress(lines);
      if (next.value.length) {
        lines.push(pick(next.value, uniform(settings.seed, streamOf(numbers + i, round, PICK), 0)));
        positions.push(lines[lines.length - 1].after);
        continue;
      }
      failures[i]++;
      if (settings.greedy || sum([...failures]) > constants.failures_per_line * (total - given.length) + constants.more_failures) {
        broken++;
        if (!wish.rhymes) break;
        free.add(i);
        failures.fill(0);
      }
      const kept = Math.max(lines.length - 1 - Math.floor(failures[i] / constants.failures_per_step_back), 0);
      if (!free.has(i)) lines.splice(kept), positions.splice(kept + 1);
    }
    return { lines, positions, broken };
  }

  /** What a line begins with, or −1. @param {string} text of a locked line @param {LinePlan} plan */
  #beginning(text, { fixed }) {
    const [offset, ids] = text ? [0, this.vocabulary.adapt(text).ids] : (fixed[0] ?? [0, []]);
    return offset === 0 ? (ids[0] ?? -1) : -1;
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
      const least = sum(plan.fixed.map(([, ids]) => units([...this.vocabulary.decode(ids)]).length));
      // Only a line whose end is known to come next can be led to its rhyme: it gets the length of one without a rhyme.
      const stream = streamOf(i, round, LENGTH);
      const found = yield* writeLine(rules, position, plan, stream, null, this.constants.particles_for_length);
      const free = found.length ? pick(found, uniform(seed, stream, 2 ** 20)).text : known[0].text;
      plan = { ...plan, length: Math.max(units([...free]).length, least) };
    }
    const rhyme = rhymes ? new RhymeConstraint(this.alphabet, known.map(({ last }) => last), count) : null;
    return yield* writeLine(rules, position, plan, streamOf(i, round, WRITE), rhyme, particles, ahead);
  }

  /**
   * What line `i` has to be.
   * @param {Rules} rules
   * @param {number} i
   * @param {readonly number[]} start what it begins with
   * @param {readonly FixedText[]} [words] what else must stand in it
   * @returns {LinePlan}
   */
  #plan({ settings, alphabet }, i, start, words = []) {
    const acrostic = this.vocabulary.adapt(settings.acrostic.replace(/\s/gu, "")).ids[i];
    const opening = start.length || acrostic === undefined ? start : [acrostic];
    const parts = settings.lengths.length ? settings.lengths[i % settings.lengths.length] : [0];
    const ends = parts.map((_, k) => sum(parts.slice(0, k + 1)));
    const from = units([...this.vocabulary.decode(opening)]).length;
    /** @type {FixedText[]} */
    const fixed = opening.length ? [[0, opening]] : [];
    fixed.push(...words.filter(([offset, ids]) => offset >= from && ids.length));
    const least = Math.max(0, ...fixed.map(([offset, ids]) => offset + units([...this.vocabulary.decode(ids)]).length));
    const length = ends[ends.length - 1];
    const gaps = alphabet.space >= 0 ? ends.slice(0, -1) : []; // the page says that the model knows no space
    return { length: length && Math.max(length, least), gaps, fixed, rhyme: rhymeKey([...settings.rhyme], i) };
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
   * Reads a line that stays as it is, and its end.
   * @param {Position} before
   * @param {string} text
   * @param {string} progress what is yielded
   * @returns {Generator<string, WrittenLine>}
   */
  *#readLine(before, text, progress) {
    const ids = [...this.vocabulary.adapt(text).ids, this.alphabet.lineBreak];
    let { state, last } = before;
    let total = 0;
    for (const id of ids) {
      const { logits, states } = step(this.model, [{ state, last }]);
      total += nll(logits, id);
      [state, last] = [states[0], id];
      yield progress;
    }
    const after = { ids: [...before.ids, ...ids], state, last, given: before.given + ids.length };
    return { text, nll: total, logWeight: 0, score: 0, syllables: units([...text]).length, after };
  }

  /**
   * Writes a text without a form, character by character.
   * @param {Rules} rules
   * @param {number[]} opening
   * @returns {Generator<string, WrittenText>}
   */
  *#writeFree({ settings, banned, guard }, opening) {
    const { state, last } = yield* this.#read(opening, "");
    const ids = [...opening];
    const allowed = new Uint8Array(this.alphabet.size);
    let total = 0;
    for (let read = last; ids.length - opening.length < settings.length; read = ids[ids.length - 1]) {
      const { logits } = this.model.step([read], state);
      allowed.fill(1);
      for (const id of [...banned, ...(guard?.banned(ids, settings.maxCopy) ?? [])]) allowed[id] = 0;
      const id = choose(logits, settings, uniform(settings.seed, 0, ids.length - opening.length), allowed);
      if (id < 0) break;
      total += nll(logits, id);
      ids.push(id);
      yield this.vocabulary.decode(ids.slice(opening.length));
    }
    const count = ids.length - opening.length;
    return { text: this.vocabulary.decode(ids.slice(opening.length)), nll: total / Math.max(count, 1), broken: 0, unplaced: [] };
  }
}
