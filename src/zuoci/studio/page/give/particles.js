// Lines by sequential Monte Carlo, as zuoci.writing.particles writes them in Python, where the equations stand.
//
// A population of lines grows character by character. Each draws its next one from what form, rhyme and copy guard
// allow, and its weight is multiplied by the share of the probability that this had; the end of the line is one of the
// characters. Lines are drawn anew in proportion to their weights when these have become unequal.

import { exp, log } from "./elementary.js";
import { LineState } from "./line_state.js";
import { lineScores } from "./line_score.js";
import { charactersThatWouldRepeat } from "./repetition.js";
import { UniformStream, drawWeighed, firstAbove, nll } from "./sampling.js";

/** @import {Constants} from "../shared/types.js" */
/** @import {Alphabet, RhymeConstraint} from "./form.js" */
/** @import {LineJudge} from "./line_judge.js" */
/** @import {LinePlan} from "./line_state.js" */
/** @import {Model} from "./model.js" */
/** @import {Floats} from "./multiply.js" */
/** @import {CopyGuard} from "./originality.js" */
/** @import {WriteSettings} from "./types.js" */

export const ROWS = 8; // of a step of the model: the page stays responsive between two of them

/**
 * A text so far.
 * @typedef {object} Position
 * @property {readonly number[]} ids the whole text
 * @property {number} last its last character, which the state has not read yet; the end of a line before a new text
 * @property {Floats} state
 * @property {number} given how many of the last characters were given and not drawn
 */

/**
 * What a text must keep to, whatever the line.
 * @typedef {object} Rules
 * @property {Model} model
 * @property {Alphabet} alphabet
 * @property {Constants} constants
 * @property {WriteSettings} settings
 * @property {readonly number[]} banned characters that must not be written
 * @property {CopyGuard | null} guard null: copies are allowed
 * @property {LineJudge | null} judge null: the model has none
 */

/**
 * A line that was written.
 * @typedef {object} WrittenLine
 * @property {string} text without what ends the line
 * @property {number} nll of the line and its end, in nats, summed
 * @property {number} logWeight
 * @property {number} score of the line beside those written with it; see line_score.js
 * @property {number} syllables
 * @property {Position} after the text up to and including the end of the line
 */

/** A line that is being written. */
class Particle {
  /** @param {Position} before @param {LineState} line @param {readonly number[]} recent the end of the text before it */
  constructor({ state, last, given }, line, recent) {
    this.state = state; // it has read all but the last character
    this.last = last;
    this.given = given;
    this.line = line;
    this.ids = recent; // with the line so far
    this.nll = 0;
    this.logWeight = 0;
    this.written = false;
  }

  /** A copy that goes on by itself. @returns {Particle} */
  copy() {
    return Object.assign(Object.create(Particle.prototype), this, { line: this.line.copy() });
  }
}

/**
 * Writes a line.
 * @param {Rules} rules
 * @param {Position} before the text before the line
 * @param {LinePlan} plan
 * @param {number} stream of the random numbers
 * @param {RhymeConstraint | null} rhyme
 * @param {number} count particles
 * @param {number} [ahead] what the next line begins with: lines from which it follows are preferred; −1: anything
 * @returns {Generator<void, WrittenLine[]>} the lines that fulfil the plan, with their weights
 */
export function* writeLine(rules, before, plan, stream, rhyme, count, ahead = -1) {
  const population = new Population(rules, before, plan, stream, rhyme, rules.settings.greedy ? 1 : count);
  while (!population.isFinished) {
    const rows = population.unfinishedAtLevel();
    for (let i = 0; i < rows.length; i += ROWS) {
      population.take(rows.slice(i, i + ROWS));
      yield;
    }
    if (!rows.length) population.goOn();
  }
  const lines = population.lines();
  const { selection } = rules.settings;
  const text = rules.alphabet.vocabulary.decode(before.ids.slice(-rules.constants.looked_back));
  const scores = lineScores(text, lines, rules.constants, rules.judge);
  for (const [i, line] of lines.entries()) {
    line.score = scores[i];
    if (lines.length > 1) line.logWeight += selection * scores[i];
  }
  if (ahead >= 0 && !rules.settings.greedy) yield* readAhead(rules, lines, ahead);
  return lines;
}

/** The particles of one line. */
class Population {
  /**
   * @param {Rules} rules
   * @param {Position} before
   * @param {LinePlan} plan
   * @param {number} stream
   * @param {RhymeConstraint | null} rhyme
   * @param {number} count
   */
  constructor(rules, before, plan, stream, rhyme, count) {
    const { alphabet, constants, settings } = rules;
    this.rules = rules;
    this.before = before;
    this.rhyme = rhyme;
    this.count = count;
    this.level = 0; // syllables that every particle has, or is about to get
    this.uniforms = new UniformStream(settings.seed, stream);
    // A loop is as long as this at most.
    this.recent = before.ids.slice(-(Math.max(constants.max_repeats, constants.loop_free) + 1) * constants.loop_block);
    this.mask = new Uint8Array(alphabet.size);
    const line = () => new LineState(alphabet, plan, constants);
    this.particles = Array.from({ length: count }, () => new Particle(before, line(), this.recent));
  }

  /** Whether all lines have ended, or none is left. */
  get isFinished() {
    return this.particles.every(({ written }) => written);
  }

  /** The particles that still need their next syllable, those whose next character has the same probabilities together. */
  unfinishedAtLevel() {
    /** @type {Map<Floats, Map<number, Particle[]>>} */
    const groups = new Map();
    for (const particle of this.particles) {
      if (particle.written || particle.line.syllables > this.level) continue;
      const ofState = groups.get(particle.state) ?? new Map();
      groups.set(particle.state, ofState);
      const group = ofState.get(particle.last);
      if (group) group.push(particle);
      else ofState.set(particle.last, [particle]);
    }
    return [...groups.values()].flatMap((ofState) => [...ofState.values()]);
  }

  /**
   * Draws the next character of some particles; removes those for which none is allowed.
   * @param {Particle[][]} rows particles with equal histories
   */
  take(rows) {
    const { model, settings } = this.rules;
    const { logits, states } = step(model, rows.map(([first]) => first));
    const dead = new Set();
    for (const [row, particles] of rows.entries()) {
      const forced = this.#mask(particles[0]);
      const u = this.uniforms.next();
      const uniforms = particles.map((_, k) => (u + k) / particles.length);
      const ofRow = logits.subarray(row * model.vocabSize, (row + 1) * model.vocabSize);
      const { ids, nlls, share } = drawWeighed(ofRow, settings, this.mask, uniforms);
      for (const [k, particle] of particles.entries()) {
        if (share === -Infinity) dead.add(particle);
        else {
          Object.assign(particle, { state: states[row], nll: particle.nll + nlls[k], logWeight: particle.logWeight + share });
          if (!this.#append(particle, ids[k], forced)) dead.add(particle);
        }
      }
    }
    if (dead.size) this.particles = this.particles.filter((particle) => !dead.has(particle));
  }

  /** Marks the characters that may come next. @param {Particle} particle @returns {boolean} whether one is forced */
  #mask({ line, ids, given }) {
    const { alphabet, banned, guard, settings, constants } = this.rules;
    const { mask } = this;
    const { forced } = line;
    if (forced >= 0) mask.fill(0)[forced] = 1;
    else {
      line.allow(mask, this.rhyme);
      for (const id of banned) if (id !== alphabet.lineBreak) mask[id] = 0;
      if (!settings.greedy) for (const id of charactersThatWouldRepeat(ids, constants)) mask[id] = 0;
    }
    // A character that was asked for may complete a copy if all characters before it were given as well.
    if (guard) for (const id of guard.banned(ids, settings.maxCopy, forced >= 0 ? given : 0)) mask[id] = 0;
    return forced >= 0;
  }

  /**
   * @param {Particle} particle
   * @param {number} id
   * @param {boolean} forced
   * @returns {boolean} whether the line can still be written
   */
  #append(particle, id, forced) {
    const { line } = particle;
    const { lineBreak, space } = this.rules.alphabet;
    if (id === lineBreak && !forced && line.needsGap) id = space; // the phrase ends, and the line goes on
    if (id === lineBreak && !forced) particle.written = true;
    else line.advance(id);
    particle.given = forced ? particle.given + 1 : 0;
    particle.ids = [...particle.ids, id];
    particle.last = id;
    return !(forced && this.rhyme && line.plan.length && line.left === 0) || this.rhyme.fits(line.last);
  }

  /** Goes on to the next syllable: draws the population anew if its weights have become unequal. */
  goOn() {
    this.level++;
    const weights = weightsOf(this.particles.map(({ logWeight }) => logWeight));
    const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
    if (!weights.length || this.count === 1 || 1 / squares >= this.count / 2) return;
    const bounds = cumulative(weights);
    const u = this.uniforms.next();
    this.particles = Array.from({ length: this.count }, (_, k) => {
      const particle = this.particles[firstAbove(bounds, ((u + k) / this.count) * bounds[bounds.length - 1])].copy();
      particle.logWeight = 0;
      return particle;
    });
  }

  /** The finished lines, equal ones once. @returns {WrittenLine[]} */
  lines() {
    const { before, recent, rules } = this;
    const weights = weightsOf(this.particles.map(({ logWeight }) => logWeight));
    /** @type {Map<string, {line: WrittenLine, weight: number}>} */
    const found = new Map();
    for (const [i, { ids, nll, state, last, given, line }] of this.particles.entries()) {
      const own = ids.slice(recent.length);
      const text = rules.alphabet.vocabulary.decode(own.slice(0, -1));
      const same = found.get(text);
      if (same) same.weight += weights[i];
      else {
        const after = { ids: [...before.ids, ...own], last, state, given };
        const written = { text, nll, logWeight: 0, score: 0, syllables: line.syllables, after };
        found.set(text, { line: written, weight: weights[i] });
      }
    }
    const likely = [...found.values()].filter(({ weight }) => weight > 0);
    return likely.map(({ line, weight }) => Object.assign(line, { logWeight: log(weight) }));
  }
}

/**
 * One step of the model.
 * @param {Model} model
 * @param {readonly {state: Floats, last: number}[]} rows
 * @returns {{logits: Float32Array, states: Floats[]}} logits `(rows, V)`, overwritten by the next step
 */
export function step(model, rows) {
  const size = model.stateSize;
  const state = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) state.set(row.state, i * size);
  const { logits } = model.step(rows.map(({ last }) => last), state);
  return { logits, states: rows.map((_, i) => state.subarray(i * size, (i + 1) * size)) };
}

/**
 * Multiplies the weight of each line by the probability of what comes after it.
 * @param {Rules} rules
 * @param {WrittenLine[]} lines
 * @param {number} id
 * @returns {Generator<void>}
 */
function* readAhead({ model }, lines, id) {
  for (let i = 0; i < lines.length; i += ROWS) {
    const some = lines.slice(i, i + ROWS);
    const { logits } = step(model, some.map(({ after }) => after));
    for (const [k, line] of some.entries()) {
      line.logWeight -= nll(logits.subarray(k * model.vocabSize, (k + 1) * model.vocabSize), id);
    }
    yield;
  }
}

/** exp(logWeights) / Σ exp(logWeights). @param {readonly number[]} logWeights */
function weightsOf(logWeights) {
  const most = Math.max(...logWeights);
  const weights = logWeights.map((weight) => exp(weight - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The sums of the first numbers. @param {readonly number[]} numbers */
function cumulative(numbers) {
  let total = 0;
  return Float64Array.from(numbers, (number) => (total += number));
}

/**
 * Keeps one of some lines, with probabilities proportional to their weights.
 * @param {readonly WrittenLine[]} lines
 * @param {number} uniform in [0, 1)
 */
export function pick(lines, uniform) {
  const bounds = cumulative(weightsOf(lines.map(({ logWeight }) => logWeight)));
  return lines[firstAbove(bounds, uniform * bounds[bounds.length - 1])];
}

/**
 * Draws different lines without replacement, with probabilities proportional to their weights (Gumbel top k).
 * @param {readonly WrittenLine[]} lines
 * @param {UniformStream} uniforms
 * @param {number} most how many to return at most
 */
export function drawLines(lines, uniforms, most) {
  const keyed = lines.map((line) => ({ line, key: line.logWeight - log(-log(Math.max(uniforms.next(), 1e-300))) }));
  return keyed.sort((a, b) => b.key - a.key).slice(0, most).map(({ line }) => line);
}
