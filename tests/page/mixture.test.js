import assert from "node:assert/strict";
import { test } from "node:test";

import { Mixture, decodeMixture } from "../../src/zuoci/studio/page/give/mixture.js";
import { Model } from "../../src/zuoci/studio/page/give/model.js";

// An n-gram of order 2 for three characters: a 1 was seen after a 1 once and a 2 after it three times …
const NGRAM = {
  discounts: Float32Array.of(0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5),
  "counts.1": Uint32Array.of(1, 1, 2),
  "left.0": Float32Array.of(0.4),
  "children.1": Uint16Array.of(0, 2, 1),
  "chars.2": Uint16Array.of(1, 2, 0),
  "counts.2": Uint8Array.of(1, 3, 2),
  "left.1": Uint8Array.of(255, 51, 102),
};
// … and its probabilities by the formula in zuoci.model.ngram: (count − ½) / (total after discounts), and what is left.
const SHORTEST = [0.2, 0.2, 0.6].map((share) => 0.6 * share + 0.4 / 3);
const AFTER_1 = [0, 1 / 6, 5 / 6].map((share, c) => 0.8 * share + 0.2 * SHORTEST[c]);
const AFTER_2 = [1, 0, 0].map((share, c) => 0.6 * share + 0.4 * SHORTEST[c]);

/** The arrays of n-grams with weights. */
function arrays(weights, ...ngrams) {
  const named = ngrams.flatMap((ngram, k) => Object.entries(ngram).map(([name, values]) => [`${k}.${name}`, values]));
  return new Map([["weights", Float32Array.from(weights)], ...named]);
}

/** The probabilities after some characters, of which −1 is none. */
function mixed(mixture, logits, recent) {
  const found = Float32Array.from(logits);
  mixture.mix(found, recent, recent.length);
  return [...found].map(Math.exp);
}

function close(got, expected) {
  got.forEach((p, c) => assert.ok(Math.abs(p - expected[c]) < 1e-6, `${got} are not ${expected}`));
}

/** The weighted sum of a network's and the counts' probabilities. */
function sum(weights, ...parts) {
  return parts[0].map((_, c) => parts.reduce((total, part, k) => total + weights[k] * part[c], 0));
}

const LOGITS = [0.3, -1, 2];
const TOTAL = LOGITS.reduce((total, logit) => total + Math.exp(logit), 0);
const NETWORK = LOGITS.map((logit) => Math.exp(logit) / TOTAL);

test("the weights are those of the longest context that was seen", () => {
  const mixture = new Mixture(arrays([0.5, 0.5, 0.25, 0.75], NGRAM));
  close(mixed(mixture, LOGITS, [-1]), sum([0.5, 0.5], NETWORK, SHORTEST));
  close(mixed(mixture, LOGITS, [0]), sum([0.5, 0.5], NETWORK, SHORTEST)); // nothing was seen after a 0
  close(mixed(mixture, LOGITS, [1]), sum([0.25, 0.75], NETWORK, AFTER_1));
  close(mixed(mixture, LOGITS, [2]), sum([0.25, 0.75], NETWORK, AFTER_2));
});

// An n-gram of order 3 for two characters, of 00, 11 and 110.
const LONGER = {
  discounts: Float32Array.of(0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5),
  "counts.1": Uint32Array.of(1, 3),
  "left.0": Float32Array.of(0.5),
  "children.1": Uint8Array.of(1, 1),
  "chars.2": Uint8Array.of(0, 1),
  "counts.2": Uint8Array.of(2, 2),
  "left.1": Uint8Array.of(51, 51),
  "children.2": Uint8Array.of(0, 1),
  "chars.3": Uint8Array.of(0),
  "counts.3": Uint8Array.of(3),
  "left.2": Uint8Array.of(255, 51),
};
const ANY = [0.5 / 6 + 0.25, 2.5 / 6 + 0.25];
const AFTER_ONE = [0.2 * ANY[0], 0.8 + 0.2 * ANY[1]];
const AFTER_TWO = [0.8 + 0.2 * AFTER_ONE[0], 0.2 * AFTER_ONE[1]];

test("a context is no longer than what was seen", () => {
  const mixture = new Mixture(arrays([0.5, 0.5, 0.25, 0.75, 0, 1], LONGER));
  close(mixed(mixture, [0, 0], [-1, -1]), sum([0.5, 0.5], [0.5, 0.5], ANY));
  close(mixed(mixture, [0, 0], [-1, 1]), sum([0.25, 0.75], [0.5, 0.5], AFTER_ONE));
  close(mixed(mixture, [0, 0], [0, 1]), sum([0.25, 0.75], [0.5, 0.5], AFTER_ONE)); // the 1 after a 1 is another
  close(mixed(mixture, [0, 0], [1, 1]), AFTER_TWO);
});

test("two n-grams have a set of weights for each pair of lengths", () => {
  const shorter = { discounts: Float32Array.of(0, 0.5, 0.5, 0.5), "counts.1": NGRAM["counts.1"], "left.0": NGRAM["left.0"] };
  const mixture = new Mixture(arrays([0.5, 0.2, 0.3, 0.1, 0.6, 0.3], shorter, NGRAM));
  close(mixed(mixture, LOGITS, [0]), sum([0.5, 0.5], NETWORK, SHORTEST));
  close(mixed(mixture, LOGITS, [1]), sum([0.1, 0.6, 0.3], NETWORK, SHORTEST, AFTER_1));
});

test("the probability of what cannot come has a finite logarithm", () => {
  const never = { ...NGRAM, "left.0": Float32Array.of(0), "counts.1": Uint32Array.of(0, 1, 2) };
  const mixture = new Mixture(arrays([1, 0, 1, 0], never));
  const logits = Float32Array.of(-Infinity, 0, 0);
  mixture.mix(logits, [-1], 1);
  assert.ok(Math.abs(logits[0] - Math.log(1e-30)) < 1e-4);
});

test("arrays come out as they were packed", () => {
  const packed = arrays([0.5, 0.5, 0.25, 0.75], NGRAM);
  const types = { Float32Array: "float32", Uint8Array: "uint8", Uint16Array: "uint16", Uint32Array: "uint32" };
  const bytes = [];
  const entries = Array.from(packed, ([name, values]) => {
    const entry = { name, shape: [values.length], type: types[values.constructor.name], at: bytes.length };
    bytes.push(...new Uint8Array(values.buffer));
    return entry;
  });
  const mixture = decodeMixture(entries, Uint8Array.from(bytes));
  assert.deepEqual(mixture, new Mixture(packed));
  assert.throws(() => decodeMixture(entries.slice(0, -1), Uint8Array.from(bytes)), /no counts named 0\.left\.1/);
});

/** A network whose logits are 0, mixed with counts. */
function model(...counts) {
  const mixture = new Mixture(arrays(...counts));
  const V = mixture.p.length;
  const config = { cell: "rnn", hidden_size: 1, num_layers: 1, embedding_size: 0, tie_embedding: false };
  const sizes = { weight_ih: V, weight_hh: 1, bias_ih: 1, bias_hh: 1 };
  const layer = Object.entries(sizes).map(([name, size]) => [`layers.0.${name}_l0`, new Float32Array(size)]);
  const output = [["output.weight", new Float32Array(V)], ["output.bias", new Float32Array(V)]];
  return new Model(config, new Map([...layer, ...output]), mixture);
}

test("each text has its own recent characters", () => {
  const both = model([0.5, 0.5, 0, 1], NGRAM);
  const state = both.start(2);
  const { logits } = both.step([1, 2], state);
  close([...logits].map(Math.exp), [...AFTER_1, ...AFTER_2]);
  assert.equal(logits, both.step([0, 1], state).logits);
  close([...logits].map(Math.exp), [...sum([0.5, 0.5], [1 / 3, 1 / 3, 1 / 3], SHORTEST), ...AFTER_1]);
});

test("a copy of the state comes back to its text", () => {
  const one = model([0.5, 0.5, 0.25, 0.75, 0, 1], LONGER);
  const state = one.start();
  one.step([0], state);
  one.step([1], state);
  const copy = state.slice();
  close([...one.step([1], state).logits].map(Math.exp), AFTER_TWO);
  one.step([0], state);
  close([...one.step([1], copy).logits].map(Math.exp), AFTER_TWO);
});
