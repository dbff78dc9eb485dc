// What the network predicts, mixed with counts of short character sequences, as zuoci.model.mixture does it in Python.
//
// Dimensions: V vocabulary, K parts of the mixture: the network, and one or two n-grams.

import { exp, log } from "./elementary.js";
import { NGram } from "./ngram.js";

/** @import {ArrayEntry} from "./types.js" */
/** @import {Values} from "./ngram.js" */

const LEAST = 1e-30; // a probability; its logarithm is finite

/**
 * p(c) = w_0 p_network(c) + Σ_k w_k p_k(c | h), with weights w that depend on how long a context each n-gram has seen.
 */
export class Mixture {
  /** @param {Map<string, Values>} arrays those of `Mixture.to_arrays` in Python, by name */
  constructor(arrays) {
    /** @param {string} name */
    const array = (name) => {
      const values = arrays.get(name);
      if (!values) throw new Error(`no counts named ${name}`);
      return values;
    };
    this.weights = array("weights"); // a set of K for each combination of lengths
    /** @type {NGram[]} */
    this.ngrams = [];
    for (let k = 0; arrays.has(`${k}.discounts`); k++) this.ngrams.push(new NGram((name) => array(`${k}.${name}`)));
    this.recent = Math.max(...this.ngrams.map((ngram) => ngram.order)) - 1; // characters that `mix` looks at
    this.p = new Float64Array(this.ngrams[0].vocabSize);
  }

  /**
   * Replaces the logits of a text by the logarithms of the mixed probabilities.
   * @param {Float32Array} logits `(V,)`
   * @param {ArrayLike<number>} recent the characters read last, the last one last; −1 where there is none
   * @param {number} end where they end in `recent`
   */
  mix(logits, recent, end) {
    const { p, ngrams, weights } = this;
    let set = 0;
    for (const ngram of ngrams) set = set * ngram.order + ngram.find(recent, end);
    set *= 1 + ngrams.length;
    softmax(p, logits, weights[set]);
    let least = 0;
    for (let k = 0; k < ngrams.length; k++) least += ngrams[k].addTo(p, weights[set + 1 + k]);
    for (let id = 0; id < p.length; id++) logits[id] = log(Math.max(p[id] + least, LEAST));
  }
}

/**
 * p = scale · softmax(logits).
 * @param {Float64Array} p `(V,)`
 * @param {Float32Array} logits `(V,)`
 * @param {number} scale
 */
function softmax(p, logits, scale) {
  let top = -Infinity;
  for (let id = 0; id < p.length; id++) top = Math.max(top, logits[id]);
  let total = 0;
  for (let id = 0; id < p.length; id++) total += p[id] = exp(logits[id] - top);
  for (let id = 0; id < p.length; id++) p[id] *= scale / total;
}

const TYPES = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };

/**
 * Unpacks the mixture of an exported model.
 * @param {ArrayEntry[]} arrays
 * @param {Uint8Array} bytes little-endian
 */
export function decodeMixture(arrays, bytes) {
  /** @param {ArrayEntry} entry @returns {Values} */
  const decode = ({ shape, type, at }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return new TYPES[type](bytes.slice(at, at + count * TYPES[type].BYTES_PER_ELEMENT).buffer);
  };
  return new Mixture(new Map(arrays.map((entry) => [entry.name, decode(entry)])));
}
