// Small networks with random weights, for the tests.

import { Model } from "../../src/zuoci/studio/page/give/model.js";

/** Numbers that look random, from −1 to 1. */
export function numbers(count, seed = 1) {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A network for V characters. */
export function network(V, { cell = "gru", hidden = 5, layers = 1, embedding = 0, tied = false, seed = 1 } = {}) {
  const gates = { rnn: 1, rnn_relu: 1, gru: 3, lstm: 4 }[cell];
  const sizes = {};
  for (let layer = 0; layer < layers; layer++) {
    const inputs = layer ? hidden : embedding || V;
    sizes[`layers.${layer}.weight_ih_l0`] = gates * hidden * inputs;
    sizes[`layers.${layer}.weight_hh_l0`] = gates * hidden * hidden;
    for (const bias of ["bias_ih_l0", "bias_hh_l0"]) sizes[`layers.${layer}.${bias}`] = gates * hidden;
  }
  if (embedding) sizes["embedding.weight"] = V * embedding;
  if (tied) sizes["projection.weight"] = embedding * hidden;
  else sizes["output.weight"] = V * hidden;
  sizes["output.bias"] = V;
  const weights = Object.entries(sizes).map(([name, size], i) => [name, numbers(size, 97 * seed + i)]);
  const config = { cell, hidden_size: hidden, num_layers: layers, embedding_size: embedding, tie_embedding: tied };
  return new Model(config, new Map(weights));
}
