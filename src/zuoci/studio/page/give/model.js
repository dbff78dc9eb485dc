// The model: ids and a state → logits and the next state, as zuoci.model.stepper does it in Python.
//
// Dimensions: B texts, V vocabulary, E embedding, H hidden, G gates (1 for rnn, 3 for gru, 4 for lstm).
// Only operations that IEEE 754 defines to the last bit are used (`exp` is that of elementary.js, since that of browsers
// differs), so that every browser computes the same logits and writes the same text for a seed.

import { exp, powerOfTwo } from "./elementary.js";
import { multiply } from "./multiply.js";

/** @import {Mixture} from "./mixture.js" */
/** @import {ModelConfig, TensorEntry} from "./types.js" */

/** @typedef {Float32Array<ArrayBufferLike>} Floats */
/** @typedef {{ih: Floats, hh: Floats, bias: Floats, biasNew: Floats}} Layer */

const GATES = { rnn: 1, rnn_relu: 1, gru: 3, lstm: 4 };

export class Model {
  /**
   * @param {ModelConfig} config
   * @param {Map<string, Floats>} weights row-major, under their names in model.safetensors
   * @param {Mixture | null} [mixture] the counts that the network is mixed with
   */
  constructor(config, weights, mixture = null) {
    /** @param {string} name */
    const weight = (name) => {
      const values = weights.get(name);
      if (!values) throw new Error(`no weights named ${name}`);
      return values;
    };
    this.cell = config.cell;
    const H = (this.hiddenSize = config.hidden_size);
    this.layers = Array.from({ length: config.num_layers }, (_, layer) => joinBiases(layer, config, weight));
    this.embedding = config.embedding_size ? weight("embedding.weight") : new Float32Array(0);
    this.embeddingSize = config.embedding_size;
    // With a tied embedding, the output layer reads a projection of the hidden state.
    this.projection = config.tie_embedding ? weight("projection.weight") : null;
    this.output = config.tie_embedding ? this.embedding : weight("output.weight");
    this.outputBias = weight("output.bias");
    this.vocabSize = this.outputBias.length;
    this.width = GATES[this.cell] * H;
    // The part of the first layer's gates that depends on the character alone: a row per character, computed when
    // the character is first read.
    this.rows = new Float32Array(this.vocabSize * this.width);
    this.filled = new Uint8Array(this.vocabSize);
    this.zeros = new Float32Array(Math.max(this.width, config.embedding_size));
    // Of all texts of a step:
    this.x = this.gates = this.projected = this.logits = new Float32Array(0);
    this.parts = this.cell === "lstm" ? 2 : 1; // of a layer's state: hidden, and cell
    this.mixture = mixture;
    this.recent = mixture ? mixture.recent : 0; // ids at the end of the state: a float32 holds those below 2²⁴ exactly
    this.stateSize = config.num_layers * this.parts * H + this.recent;
  }

  /** The state of `count` texts before their first character. */
  start(count = 1) {
    const state = new Float32Array(count * this.stateSize);
    for (let end = this.stateSize; end <= state.length; end += this.stateSize) state.fill(-1, end - this.recent, end);
    return state;
  }

  /**
   * Reads one character of each text.
   * @param {ArrayLike<number>} ids `(B,)`
   * @param {Floats} state advanced in place; keep a `slice()` to come back to it
   * @returns {{logits: Float32Array, state: Floats}} logits `(B, V)`, overwritten by the next step; if the network is
   *   mixed with counts, the logarithms of the mixed probabilities
   */
  step(ids, state) {
    const count = ids.length;
    if (this.logits.length !== count * this.vocabSize) {
      this.logits = new Float32Array(count * this.vocabSize);
      this.x = new Float32Array(count * this.width);
      this.gates = new Float32Array(count * this.width);
      this.projected = new Float32Array(this.projection ? count * this.embeddingSize : 0);
    }
    this.#output(count, state, this.#layers(ids, state));
    for (let text = 0; text < count; text++) this.#mix(text, ids[text], state);
    return { logits: this.logits, state };
  }

  /**
   * Mixes the logits of one text with the counts, and remembers the character that it has read.
   * @param {number} text its number
   * @param {number} id
   * @param {Floats} state
   */
  #mix(text, id, state) {
    const { mixture, recent, vocabSize: V } = this;
    if (!mixture) return;
    const end = (text + 1) * this.stateSize;
    if (recent) {
      state.copyWithin(end - recent, end - recent + 1, end);
      state[end - 1] = id;
    }
    mixture.mix(this.logits.subarray(text * V, (text + 1) * V), state, end);
  }

  /**
   * Computes the logits of all texts.
   * @param {number} count texts
   * @param {Floats} state
   * @param {number} top where in a text's state the hidden state of the last layer begins
   */
  #output(count, state, top) {
    const { vocabSize: V, hiddenSize: H, embeddingSize: E, projection, output, outputBias } = this;
    const logits = { values: this.logits, at: 0, step: V };
    const hidden = { values: state, at: top, step: this.stateSize };
    if (!projection) return multiply(logits, output, V, H, hidden, outputBias, count);
    const projected = { values: this.projected, at: 0, step: E };
    multiply(projected, projection, E, H, hidden, this.zeros, count);
    multiply(logits, output, V, E, projected, outputBias, count);
  }

  /**
   * Advances every layer of all texts.
   * @param {ArrayLike<number>} ids
   * @param {Floats} state
   * @returns {number} where in a text's state the hidden state of the last layer begins
   */
  #layers(ids, state) {
    const { hiddenSize: H, width, zeros } = this;
    const [x, gates] = [this.x, this.gates].map((values) => ({ values, at: 0, step: width }));
    let from = 0;
    for (let layer = 0; layer < this.layers.length; layer++) {
      const { ih, hh, bias, biasNew } = this.layers[layer];
      const here = layer * this.parts * H;
      if (layer) multiply(x, ih, width, H, { values: state, at: from, step: this.stateSize }, bias, ids.length);
      else for (let text = 0; text < ids.length; text++) x.values.set(this.#row(ids[text]), text * width);
      multiply(gates, hh, width, H, { values: state, at: here, step: this.stateSize }, zeros, ids.length);
      for (let text = 0; text < ids.length; text++) {
        const at = text * this.stateSize + here;
        const ofText = text * width;
        if (this.cell === "gru") gru(state, at, H, x.values, gates.values, ofText, biasNew);
        else if (this.cell === "lstm") lstm(state, at, H, x.values, gates.values, ofText);
        else rnn(state, at, H, x.values, gates.values, ofText, this.cell === "rnn_relu");
      }
      from = here;
    }
    return from;
  }

  /** What the first layer adds to its gates for a character. @param {number} id */
  #row(id) {
    const at = id * this.width;
    if (!this.filled[id]) this.#fill(id);
    return this.rows.subarray(at, at + this.width);
  }

  /** @param {number} id */
  #fill(id) {
    const { ih, bias } = this.layers[0];
    const at = id * this.width;
    if (this.embeddingSize) {
      const E = this.embeddingSize;
      const row = { values: this.rows, at, step: 0 };
      multiply(row, ih, this.width, E, { values: this.embedding, at: id * E, step: 0 }, bias, 1);
    } else {
      for (let i = 0; i < this.width; i++) this.rows[at + i] = ih[i * this.vocabSize + id] + bias[i];
    }
    this.filled[id] = 1;
  }
}

/**
 * Gathers the weights of a layer. The two biases are added up where the equations allow it: not for the new gate of a
 * GRU, whose `bias_hh` is multiplied by the reset gate.
 * @param {number} layer
 * @param {ModelConfig} config
 * @param {(name: string) => Floats} weight
 * @returns {Layer}
 */
function joinBiases(layer, config, weight) {
  const [ih, hh, biasIh, biasHh] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((name) =>
    weight(`layers.${layer}.${name}_l0`),
  );
  const joined = config.cell === "gru" ? 2 * config.hidden_size : biasIh.length;
  return { ih, hh, bias: biasIh.map((b, i) => (i < joined ? b + biasHh[i] : b)), biasNew: biasHh.subarray(joined) };
}

/**
 * h = tanh(x + gates), or relu(…).
 * @param {Floats} state
 * @param {number} at where the layer's state begins
 * @param {number} H
 * @param {Floats} x W_ih x + b for each gate
 * @param {Floats} gates W_hh h for each gate
 * @param {number} from where both begin
 * @param {boolean} relu
 */
function rnn(state, at, H, x, gates, from, relu) {
  for (let i = 0; i < H; i++) {
    const sum = x[from + i] + gates[from + i];
    state[at + i] = relu ? Math.max(sum, 0) : tanh(sum);
  }
}

/**
 * h = n + z (h − n), gates in the order r, z, n.
 * @param {Floats} state
 * @param {number} at where the layer's state begins
 * @param {number} H
 * @param {Floats} x W_ih x + b for each gate
 * @param {Floats} gates W_hh h for each gate
 * @param {number} from where both begin
 * @param {Floats} biasNew bias_hh of the new gate
 */
function gru(state, at, H, x, gates, from, biasNew) {
  for (let i = 0; i < H; i++) {
    const r = sigmoid(x[from + i] + gates[from + i]);
    const z = sigmoid(x[from + H + i] + gates[from + H + i]);
    const n = tanh(x[from + 2 * H + i] + r * (gates[from + 2 * H + i] + biasNew[i]));
    state[at + i] = n + z * (state[at + i] - n);
  }
}

/**
 * c = f c + i g, h = o tanh(c), gates in the order i, f, g, o. The cell state stands after the hidden state.
 * @param {Floats} state
 * @param {number} at where the layer's state begins
 * @param {number} H
 * @param {Floats} x W_ih x + b for each gate
 * @param {Floats} gates W_hh h for each gate
 * @param {number} from where both begin
 */
function lstm(state, at, H, x, gates, from) {
  for (let i = 0; i < H; i++) {
    const input = sigmoid(x[from + i] + gates[from + i]);
    const forget = sigmoid(x[from + H + i] + gates[from + H + i]);
    const fresh = tanh(x[from + 2 * H + i] + gates[from + 2 * H + i]);
    const output = sigmoid(x[from + 3 * H + i] + gates[from + 3 * H + i]);
    const cell = forget * state[at + H + i] + input * fresh;
    state[at + H + i] = cell;
    state[at + i] = output * tanh(cell);
  }
}

/** @param {number} x */
function sigmoid(x) {
  return 1 / (1 + exp(-x));
}

/** @param {number} x */
function tanh(x) {
  return 1 - 2 / (exp(2 * x) + 1);
}

/**
 * Unpacks the weights of an exported model.
 * @param {TensorEntry[]} tensors
 * @param {Uint8Array} bytes little-endian
 * @returns {Map<string, Floats>} under their names in model.safetensors
 */
export function decodeWeights(tensors, bytes) {
  /** @param {number} at @param {number} length bytes */
  const part = (at, length) => bytes.slice(at, at + length).buffer;
  /** @param {TensorEntry} tensor @returns {Floats} */
  const decode = ({ shape, type, at, scales = 0 }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    if (type === "float32") return new Float32Array(part(at, 4 * count));
    if (type === "float16") return Float32Array.from(new Uint16Array(part(at, 2 * count)), fromFloat16);
    const columns = count / shape[0];
    const scale = new Float32Array(part(scales, 4 * shape[0]));
    return Float32Array.from(new Int8Array(part(at, count)), (value, i) => value * scale[Math.floor(i / columns)]);
  };
  return new Map(tensors.map((tensor) => [tensor.name, decode(tensor)]));
}

/** The value of a float16, given its bits. The exporter writes no infinities and no NaN. @param {number} bits */
function fromFloat16(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent ? (1024 + fraction) * powerOfTwo(exponent - 25) : fraction * powerOfTwo(-24);
  return bits >> 15 ? -size : size;
}

/** @param {string} text */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
