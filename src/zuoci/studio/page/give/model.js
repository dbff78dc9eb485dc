// Ids and a state → logits and the next state, as zuoci.model.stepper.
//
// Dimensions: B streams, V vocabulary, E embedding, H hidden, G gates (1 for rnn, 3 for gru, 4 for lstm).
// Everything here is made of operations that IEEE 754 defines to the last bit, exp included (browsers' own differ),
// so that every browser computes the same logits.

const GATES = { rnn: 1, rnn_relu: 1, gru: 3, lstm: 4 };

export class Model {
  /**
   * @param {{cell: string, hidden_size: number, num_layers: number, embedding_size: number}} config
   * @param {Map<string, Float32Array>} weights row-major, under their names in model.safetensors
   */
  constructor(config, weights) {
    this.cell = config.cell;
    const H = (this.hiddenSize = config.hidden_size);
    this.layers = Array.from({ length: config.num_layers }, (_, layer) => {
      const [ih, hh, biasIh, biasHh] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((name) =>
        weights.get(`layers.${layer}.${name}_l0`),
      );
      const apart = this.cell === "gru" ? 2 * H : biasIh.length; // from here on, bias_hh is not simply added
      return { ih, hh, bias: biasIh.map((b, i) => (i < apart ? b + biasHh[i] : b)), biasNew: biasHh.subarray(apart) };
    });
    this.embedding = weights.get("embedding.weight");
    this.embeddingSize = config.embedding_size;
    this.output = weights.get("output.weight");
    this.outputBias = weights.get("output.bias");
    this.vocabSize = this.outputBias.length;
    this.width = GATES[this.cell] * H;
    // All that follows from a character alone, one row a character, filled when it is first read.
    this.rows = new Float32Array(this.vocabSize * this.width);
    this.filled = new Uint8Array(this.vocabSize);
    this.x = new Float32Array(this.width);
    this.gates = new Float32Array(this.width);
    this.zeros = new Float32Array(this.width);
    this.logits = new Float32Array(0);
    this.parts = this.cell === "lstm" ? 2 : 1; // of a layer's state: hidden, and cell
    this.stateSize = config.num_layers * this.parts * H;
  }

  /** The state of `count` streams before their first character. */
  start(count = 1) {
    return new Float32Array(count * this.stateSize);
  }

  /**
   * Reads one character in each stream.
   * @param {ArrayLike<number>} ids `(B,)`
   * @param {Float32Array} state is advanced in place; keep a `slice()` to come back
   * @returns {{logits: Float32Array, state: Float32Array}} logits `(B, V)`, overwritten by the next step
   */
  step(ids, state) {
    if (this.logits.length !== ids.length * this.vocabSize) this.logits = new Float32Array(ids.length * this.vocabSize);
    for (let stream = 0; stream < ids.length; stream++) {
      const top = this.#layers(ids[stream], state, stream * this.stateSize);
      const at = stream * this.vocabSize;
      multiply(this.logits, at, this.output, this.vocabSize, this.hiddenSize, state, top, this.outputBias);
    }
    return { logits: this.logits, state };
  }

  /** Advances every layer of a stream; returns where in `state` the hidden state of the last one begins. */
  #layers(id, state, at) {
    const H = this.hiddenSize;
    if (!this.filled[id]) this.#fill(id);
    let from = 0;
    for (let layer = 0; layer < this.layers.length; layer++) {
      const { ih, hh, bias, biasNew } = this.layers[layer];
      const here = at + layer * this.parts * H;
      let [x, xAt] = [this.rows, id * this.width];
      if (layer) {
        [x, xAt] = [this.x, 0];
        multiply(x, 0, ih, this.width, H, state, from, bias);
      }
      multiply(this.gates, 0, hh, this.width, H, state, here, this.zeros);
      if (this.cell === "gru") gru(state, here, H, x, xAt, this.gates, biasNew);
      else if (this.cell === "lstm") lstm(state, here, H, x, xAt, this.gates);
      else rnn(state, here, H, x, xAt, this.gates, this.cell === "rnn_relu");
      from = here;
    }
    return from;
  }

  #fill(id) {
    const { ih, bias } = this.layers[0];
    const at = id * this.width;
    if (this.embeddingSize) {
      multiply(this.rows, at, ih, this.width, this.embeddingSize, this.embedding, id * this.embeddingSize, bias);
    } else {
      for (let i = 0; i < this.width; i++) this.rows[at + i] = ih[i * this.vocabSize + id] + bias[i];
    }
    this.filled[id] = 1;
  }
}

/**
 * y[at …] = W x + bias; W has `rows` rows of `columns`, x begins at `xAt`. Tiles of 4 × 2: four rows share the reads
 * of x, and double precision spares a rounding at every product, which makes it twice as fast as a plain loop.
 */
function multiply(y, at, W, rows, columns, x, xAt, bias) {
  const end = xAt + columns;
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    let a = 0, b = 0, c = 0, d = 0;
    let i = row * columns, j = i + columns, k = j + columns, l = k + columns;
    let n = xAt;
    for (; n + 1 < end; n += 2) {
      const first = x[n], second = x[n + 1];
      a += W[i] * first + W[i + 1] * second;
      b += W[j] * first + W[j + 1] * second;
      c += W[k] * first + W[k + 1] * second;
      d += W[l] * first + W[l + 1] * second;
      i += 2, j += 2, k += 2, l += 2;
    }
    if (n < end) (a += W[i] * x[n]), (b += W[j] * x[n]), (c += W[k] * x[n]), (d += W[l] * x[n]);
    y[at + row] = a + bias[row];
    y[at + row + 1] = b + bias[row + 1];
    y[at + row + 2] = c + bias[row + 2];
    y[at + row + 3] = d + bias[row + 3];
  }
  for (; row < rows; row++) {
    let sum = bias[row];
    for (let n = xAt, i = row * columns; n < end; n++, i++) sum += W[i] * x[n];
    y[at + row] = sum;
  }
}

function rnn(state, at, H, x, xAt, gates, relu) {
  for (let i = 0; i < H; i++) {
    const sum = x[xAt + i] + gates[i];
    state[at + i] = relu ? Math.max(sum, 0) : tanh(sum);
  }
}

function gru(state, at, H, x, xAt, gates, biasNew) {
  for (let i = 0; i < H; i++) {
    const r = sigmoid(x[xAt + i] + gates[i]);
    const z = sigmoid(x[xAt + H + i] + gates[H + i]);
    const n = tanh(x[xAt + 2 * H + i] + r * (gates[2 * H + i] + biasNew[i]));
    state[at + i] = n + z * (state[at + i] - n);
  }
}

function lstm(state, at, H, x, xAt, gates) {
  for (let i = 0; i < H; i++) {
    const input = sigmoid(x[xAt + i] + gates[i]);
    const forget = sigmoid(x[xAt + H + i] + gates[H + i]);
    const fresh = tanh(x[xAt + 2 * H + i] + gates[2 * H + i]);
    const output = sigmoid(x[xAt + 3 * H + i] + gates[3 * H + i]);
    const cell = forget * state[at + H + i] + input * fresh;
    state[at + H + i] = cell;
    state[at + i] = output * tanh(cell);
  }
}

function sigmoid(x) {
  return 1 / (1 + exp(-x));
}

function tanh(x) {
  return 1 - 2 / (exp(2 * x) + 1);
}

const LOWEST = -1022; // of the exponents of normal numbers
const POWERS = Float64Array.from({ length: 2046 }, (_, i) => powerOfTwo(i + LOWEST));

function powerOfTwo(exponent) {
  let power = 1;
  for (let i = Math.abs(exponent); i; i--) power *= exponent < 0 ? 0.5 : 2;
  return power;
}

/** eˣ to about 1e-11 of its value: 2ᵏ eʳ with x = k ln 2 + r, |r| ≤ ln 2 / 2, and the series of eʳ. */
export function exp(x) {
  if (!(x > -700)) return x <= -700 ? 0 : NaN;
  if (x > 709) return Infinity;
  const k = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10; // ln 2 in two parts, so that k ln 2 is exact
  let sum = 1 + r / 10;
  for (let n = 9; n; n--) sum = 1 + (r * sum) / n;
  return sum * POWERS[k - LOWEST];
}

/**
 * Unpacks the weights of an exported model.
 * @param {{name: string, shape: number[], type: string, at: number, scales?: number}[]} tensors where each begins
 * @param {Uint8Array} bytes little-endian
 * @returns {Map<string, Float32Array>}
 */
export function decodeWeights(tensors, bytes) {
  const read = (Type, at, count) => new Type(bytes.slice(at, at + count * Type.BYTES_PER_ELEMENT).buffer);
  const decode = ({ shape, type, at, scales }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    if (type === "float32") return read(Float32Array, at, count);
    if (type === "float16") return Float32Array.from(read(Uint16Array, at, count), half);
    const columns = count / shape[0];
    const scale = read(Float32Array, scales, shape[0]);
    return Float32Array.from(read(Int8Array, at, count), (value, i) => value * scale[Math.floor(i / columns)]);
  };
  return new Map(tensors.map((tensor) => [tensor.name, decode(tensor)]));
}

/** The value of a float16 from its bits; exporters write no infinities and no NaN. */
function half(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent ? (1024 + fraction) * POWERS[exponent - 25 - LOWEST] : fraction * POWERS[-24 - LOWEST];
  return bits >> 15 ? -size : size;
}

/** @returns {Uint8Array} */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
