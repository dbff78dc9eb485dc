// Logits → the id of the next character, as zuoci.writing.sampling does it in Python.
//
// A logit of −∞ is a character that cannot be drawn. `choose` applies the filters in Python's order:
//
//     forbid        what the form and the settings do not allow
//     keepTopK      the k most likely characters
//     keepTopP      the most likely ones that together reach a probability of p
//     keepMinP      those at least p times as likely as the most likely one
//     temperature   divides the logits that are left
//     draw          or `greedy`
//
// tests/golden/sampling.json holds cases that both implementations are tested with. All functions are pure: the same
// arguments give the same id in every browser.

import { exp, log } from "./elementary.js";

/**
 * @typedef {object} DrawSettings
 * @property {number} temperature above 0
 * @property {number} topK 0: off
 * @property {number} topP 1: off
 * @property {number} minP 0: off
 * @property {boolean} greedy always take the most likely character
 */

/**
 * Chooses the next character.
 * @param {Float32Array} logits `(V,)`
 * @param {DrawSettings} settings
 * @param {number} uniform in [0, 1)
 * @param {Uint8Array | null} [allowed] `(V,)`, 1 where a character may be drawn; null: everywhere
 * @returns {number} an id; −1 if no character is allowed
 */
export function choose(logits, settings, uniform, allowed = null) {
  const left = forbid(logits, allowed);
  if (left[greedy(left)] === -Infinity) return -1;
  if (settings.greedy) return greedy(left);
  return drawSeveral(filtered(left, settings), settings.temperature, [uniform])[0];
}

/** Whether settings leave out some of the characters. @param {DrawSettings} settings */
function isFiltered({ topK, topP, minP, greedy }) {
  return greedy || topK > 0 || topP < 1 || minP > 0;
}

/** What the settings leave of the logits. @param {Float32Array} logits @param {DrawSettings} settings */
function filtered(logits, { topK, topP, minP }) {
  return keepMinP(keepTopP(keepTopK(logits, topK), topP), minP);
}

/**
 * Sets the logits of characters that are not allowed to −∞.
 * @param {Float32Array} logits
 * @param {Uint8Array | null} allowed
 */
export function forbid(logits, allowed) {
  return allowed ? logits.map((logit, id) => (allowed[id] ? logit : -Infinity)) : logits;
}

/**
 * Keeps the k most likely characters, and those as likely as the last of them.
 * @param {Float32Array} logits
 * @param {number} k 0: all
 */
export function keepTopK(logits, k) {
  if (k <= 0 || k >= logits.length) return logits;
  const least = logits.slice().sort()[logits.length - k];
  return logits.map((logit) => (logit >= least ? logit : -Infinity));
}

/**
 * Keeps the most likely characters that together reach a probability of p, at least one. Of equally likely characters
 * those with lower ids come first.
 * @param {Float32Array} logits
 * @param {number} p 1: all
 */
export function keepTopP(logits, p) {
  if (p >= 1) return logits;
  const probability = probabilities(logits);
  const order = [...logits.keys()].filter((id) => logits[id] > -Infinity).sort((a, b) => logits[b] - logits[a]);
  const kept = new Float32Array(logits.length).fill(-Infinity);
  let total = 0;
  for (const id of order) {
    if (total >= p) break;
    kept[id] = logits[id];
    total += probability[id];
  }
  return kept;
}

/**
 * Keeps characters that are at least p times as likely as the most likely one.
 * @param {Float32Array} logits
 * @param {number} p 0: all
 */
export function keepMinP(logits, p) {
  if (p <= 0) return logits;
  const least = Math.fround(logits[greedy(logits)] + Math.log(p));
  return logits.map((logit) => (logit >= least ? logit : -Infinity));
}

/** softmax(logits) `(V,)`. @param {Float32Array} logits */
export function probabilities(logits) {
  const top = logits[greedy(logits)];
  const weights = Float64Array.from(logits, (logit) => exp(Math.fround(logit - top)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The most likely id; of equally likely ones, the first. @param {Float32Array} logits */
export function greedy(logits) {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

/**
 * Draws ids with probabilities softmax(logits / temperature), by inverting the distribution function.
 * @param {Float32Array} logits `(V,)`
 * @param {number} temperature
 * @param {readonly number[]} uniforms in [0, 1), one for each draw
 */
export function drawSeveral(logits, temperature, uniforms) {
  const top = logits[greedy(logits)];
  const bounds = new Float64Array(logits.length);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id] > -Infinity) total += exp((logits[id] - top) / temperature);
    bounds[id] = total;
  }
  return inverted(bounds, uniforms);
}

/** The ids that some numbers from [0, 1) stand for. @param {Float64Array} bounds cumulative @param {readonly number[]} uniforms */
function inverted(bounds, uniforms) {
  const total = bounds[bounds.length - 1];
  const most = total * (1 - Number.EPSILON); // the last characters may have no share
  return uniforms.map((uniform) => firstAbove(bounds, Math.min(uniform * total, most)));
}

/** The index of the first number above a value (binary search). @param {Float64Array} sorted @param {number} value */
export function firstAbove(sorted, value) {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** −log softmax(logits)[id], in nats. @param {Float32Array} logits @param {number} id */
export function nll(logits, id) {
  const top = logits[greedy(logits)];
  let total = 0;
  for (const logit of logits) total += exp(logit - top);
  return log(total) - (logits[id] - top);
}

/**
 * What particles need: several draws, and the share of the probability that what is allowed has.
 * @param {Float32Array} logits `(V,)`
 * @param {DrawSettings} settings
 * @param {Uint8Array} allowed `(V,)`, 1 where a character may be drawn
 * @param {readonly number[]} uniforms one number from [0, 1) for each draw
 * @returns {{ids: number[], nlls: number[], share: number}} for each draw its id and its nll by the logits as they are;
 *   share: log Σ softmax(logits / temperature) over what is allowed, −∞ if nothing is
 */
export function drawWeighed(logits, settings, allowed, uniforms) {
  const { temperature } = settings;
  const top = logits[greedy(logits)];
  const bounds = new Float64Array(logits.length);
  let total = 0; // of the probabilities as they are
  let cooled = 0; // at the temperature
  let kept = 0; // of these, what is allowed
  for (let id = 0; id < logits.length; id++) {
    const below = logits[id] - top;
    total += exp(below);
    const weight = exp(below / temperature);
    cooled += weight;
    if (allowed[id]) kept += weight;
    bounds[id] = kept;
  }
  let share = log(kept / cooled);
  let ids = kept > 0 && !isFiltered(settings) ? inverted(bounds, uniforms) : [];
  if (!ids.length) {
    const left = forbid(logits, allowed);
    const topLeft = left[greedy(left)];
    if (topLeft === -Infinity) return { ids: [], nlls: [], share: -Infinity };
    if (kept === 0) { // all that is allowed is too improbable for the sum
      for (const logit of left) kept += exp((logit - topLeft) / temperature);
      share = log(kept / cooled) + (topLeft - top) / temperature;
    }
    if (settings.greedy) ids = uniforms.map(() => greedy(left));
    else ids = drawSeveral(filtered(left, settings), temperature, uniforms);
  }
  return { ids, nlls: ids.map((id) => log(total) - (logits[id] - top)), share };
}

/**
 * A number in [0, 1) that depends on nothing but its arguments (a counter-based generator).
 * @param {number} seed an integer from 0, below 2⁵³
 * @param {number} stream a text or a candidate
 * @param {number} place of the character in it
 */
export function uniform(seed, stream, place) {
  let key = mix((seed >>> 0) ^ 0x5a75_6f63);
  key = mix(key ^ Math.floor(seed / 2 ** 32));
  key = mix(key + Math.imul(stream, 0x9e37_79b9));
  const high = mix(key + Math.imul(2 * place + 1, 0x9e37_79b9));
  const low = mix(high ^ mix(key + Math.imul(2 * place + 2, 0x9e37_79b9)));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** The numbers of one stream, one after another. */
export class UniformStream {
  /** @param {number} seed @param {number} stream */
  constructor(seed, stream) {
    this.seed = seed;
    this.stream = stream;
    this.count = 0;
  }

  next() {
    return uniform(this.seed, this.stream, this.count++);
  }
}

/** Mixes 32 bits so that each input bit affects every output bit (C. Wellons' lowbias32). @param {number} x */
function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb_352d);
  x = Math.imul(x ^ (x >>> 15), 0x846c_a68b);
  return (x ^ (x >>> 16)) >>> 0;
}
