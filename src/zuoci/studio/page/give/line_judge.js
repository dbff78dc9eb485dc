// Tells lines by people from lines by a base model, as zuoci.writing.line_judge does it in Python.
//
// Dimensions: N lines, T characters, E embedding, H channels.

import { multiply } from "./multiply.js";
import { decodeWeights, fromBase64 } from "./model.js";

/** @import {JudgeDocument} from "./types.js" */
/** @import {Vocabulary} from "./vocabulary.js" */
/** @import {Floats} from "./multiply.js" */

const WIDTH = 3; // of a convolution

/** A classifier of lines. */
export class LineJudge {
  /**
   * @param {JudgeDocument} document
   * @param {Vocabulary} vocabulary that of the model, by whose ids the embedding goes
   */
  constructor({ tensors, weights, dilations, longest_before }, vocabulary) {
    this.vocabulary = vocabulary;
    this.longestBefore = longest_before;
    const decoded = decodeWeights(tensors, fromBase64(weights));
    /** @param {string} name */
    const weight = (name) => {
      const values = decoded.get(name);
      if (!values) throw new Error(`the judge has no ${name}`);
      return values;
    };
    this.embedding = weight("embedding");
    this.output = weight("output");
    this.outputBias = weight("output_bias")[0];
    this.E = this.embedding.length / vocabulary.size;
    this.H = this.output.length / 2;
    this.layers = dilations.map((dilation, layer) => {
      const bias = weight(`biases.${layer}`);
      return { dilation, bias, W: transposed(weight(`convolutions.${layer}`), this.H) };
    });
  }

  /**
   * The log odds that a person wrote each line after a line.
   * @param {string} before the line before
   * @param {readonly string[]} lines
   */
  logOdds(before, lines) {
    const known = [...before].length <= this.longestBefore;
    const start = this.#read(`\n${known ? before : ""}\n`);
    return lines.map((line) => this.#judge([...start, ...this.#read(`${line}\n`)], start.length));
  }

  /** The ids of a text; −1 for unknown characters. @param {string} text */
  #read(text) {
    return Array.from(text, (char) => this.vocabulary.ids.get(char) ?? -1);
  }

  /** @param {number[]} ids @param {number} from where the line begins in them */
  #judge(ids, from) {
    const { H, E } = this;
    /** @type {Floats} */
    let h = new Float32Array(ids.length * E);
    for (const [t, id] of ids.entries()) {
      if (id >= 0) h.set(this.embedding.subarray(id * E, (id + 1) * E), t * E);
    }
    for (const [layer, { W, bias, dilation }] of this.layers.entries()) {
      const added = convolve(h, W, bias, dilation, ids.length, H);
      for (let i = 0; i < added.length; i++) added[i] = Math.max(added[i], 0) + (layer ? h[i] : 0);
      h = added;
    }
    let sum = this.outputBias;
    for (let i = 0; i < H; i++) {
      let total = 0;
      let largest = -Infinity;
      for (let t = from; t < ids.length; t++) {
        total += h[t * H + i];
        largest = Math.max(largest, h[t * H + i]);
      }
      sum += this.output[i] * (total / (ids.length - from)) + this.output[H + i] * largest;
    }
    return sum;
  }
}

/** `(rows, columns)` → `(columns, rows)`. @param {Floats} values @param {number} columns */
function transposed(values, columns) {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

/**
 * A convolution over time, `(T, …)` → `(T, H)`; outside of the text is 0.
 * @param {Floats} h
 * @param {Floats} W `(H, 3 · …)`
 * @param {Floats} bias `(H,)`
 * @param {number} dilation
 * @param {number} T
 * @param {number} H
 */
function convolve(h, W, bias, dilation, T, H) {
  const size = h.length / T;
  const windows = new Float32Array(T * WIDTH * size);
  for (let t = 0; t < T; t++) {
    for (let k = 0; k < WIDTH; k++) {
      const from = t + (k - 1) * dilation;
      if (from >= 0 && from < T) windows.set(h.subarray(from * size, (from + 1) * size), (t * WIDTH + k) * size);
    }
  }
  const y = new Float32Array(T * H);
  const columns = WIDTH * size;
  multiply({ values: y, at: 0, step: H }, W, H, columns, { values: windows, at: 0, step: columns }, bias, T);
  return y;
}
