// Logits → the id of the next character. Pure functions: the same arguments give the same id in every browser.

import { exp } from "./model.js";

/** The most probable id; of several, the first; −1 if none is allowed. */
export function greedy(logits, allowed = null) {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if ((!allowed || allowed[id]) && (best < 0 || logits[id] > logits[best])) best = id;
  }
  return best;
}

/**
 * Draws an id with probabilities softmax(logits / temperature), by inverting the distribution function. Only
 * characters that are allowed, and of those only (each after the one before) the topK likeliest, the fewest
 * that together hold the share topP, and those at least minP times as likely as the likeliest, are drawn.
 *
 * @param {Float32Array} logits `(V,)`
 * @param {{temperature: number, topK: number, topP: number, minP: number}} settings off: topK 0, topP 1, minP 0
 * @param {number} uniform from [0, 1)
 * @param {Uint8Array | null} allowed `(V,)`, 1 where a character may be drawn
 * @param {Float64Array} weights `(V,)`, to work in
 * @returns {number} −1 if none is allowed
 */
export function draw(logits, settings, uniform, allowed = null, weights = new Float64Array(logits.length)) {
  const best = greedy(logits, allowed);
  if (best < 0) return best;
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    weights[id] = !allowed || allowed[id] ? exp((logits[id] - logits[best]) / settings.temperature) : 0;
    total += weights[id];
  }
  const least = threshold(weights, total, settings);
  if (least > 0) {
    total = 0;
    for (let id = 0; id < weights.length; id++) {
      if (weights[id] < least) weights[id] = 0;
      total += weights[id];
    }
  }
  const wanted = uniform * total;
  let last = best;
  for (let id = 0, sum = 0; id < weights.length; id++) {
    if (weights[id] > 0) {
      sum += weights[id];
      last = id;
      if (sum > wanted) break;
    }
  }
  return last;
}

/** The least weight that may be drawn; the greatest weight is 1. Equal ones stay or go together. */
function threshold(weights, total, { topK, topP, minP }) {
  let least = minP;
  const cut = topK > 0 && topK < weights.length;
  if (cut || topP < 1) {
    const sorted = weights.slice().sort();
    const first = cut ? sorted.length - topK : 0;
    if (cut) {
      least = Math.max(least, sorted[first]);
      total = 0;
      for (let i = first; i < sorted.length; i++) total += sorted[i];
    }
    if (topP < 1) {
      let i = sorted.length - 1;
      for (let sum = sorted[i]; sum < topP * total && i > first; ) sum += sorted[--i];
      least = Math.max(least, sorted[i]);
    }
  }
  return least;
}

/** −log softmax(logits)[id], in nats. */
export function surprise(logits, id) {
  const top = logits[greedy(logits)];
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += exp(logits[i] - top);
  return Math.log(total) - (logits[id] - top);
}

/**
 * A number from [0, 1) for each seed, stream and place, in any order: the place is hashed, nothing is kept.
 * @param {number} seed an integer, at least 0 and less than 2⁵³
 */
export function uniform(seed, stream, place) {
  let key = mix((seed >>> 0) ^ 0x5a75_6f63);
  key = mix(key ^ Math.floor(seed / 2 ** 32));
  key = mix(key + Math.imul(stream, 0x9e37_79b9));
  const high = mix(key + Math.imul(2 * place + 1, 0x9e37_79b9));
  const low = mix(high ^ mix(key + Math.imul(2 * place + 2, 0x9e37_79b9)));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Mixes 32 bits, each input bit into every output bit (C. Wellons' lowbias32). */
function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb_352d);
  x = Math.imul(x ^ (x >>> 15), 0x846c_a68b);
  return (x ^ (x >>> 16)) >>> 0;
}
