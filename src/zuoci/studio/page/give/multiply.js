// Products of a matrix and vectors: the time in which the page writes is spent here.
//
// Every sum is added up in the same order, two products at a time, so that the result of a text does not depend on the
// texts beside it.

/** @typedef {Float32Array<ArrayBufferLike>} Floats */

/**
 * Where vectors lie: the first begins at `at`, and each other one `step` after the one before it.
 * @typedef {{values: Floats, at: number, step: number}} Vectors
 */

const TILE = 4; // rows, and vectors, whose sums are kept in registers

/** The inputs of a tile, the vectors interleaved, in double precision: then they are not converted again for each row. */
let inputs = new Float64Array(0);

/**
 * y = W x + bias for several x.
 * @param {Vectors} y
 * @param {Floats} W `(rows, columns)`
 * @param {number} rows
 * @param {number} columns
 * @param {Vectors} x
 * @param {Floats} bias `(rows,)`
 * @param {number} count vectors
 */
export function multiply(y, W, rows, columns, x, bias, count) {
  let done = 0;
  for (; done + TILE <= count; done += TILE) {
    multiplyFour(y.values, y.at + done * y.step, y.step, W, rows, columns, interleaved(x, done, columns), bias);
  }
  for (; done < count; done++) {
    multiplyOne(y.values, y.at + done * y.step, W, rows, columns, x.values, x.at + done * x.step, bias);
  }
}

/** The next vectors of a tile, interleaved. @param {Vectors} x @param {number} first @param {number} columns */
function interleaved(x, first, columns) {
  if (inputs.length < TILE * columns) inputs = new Float64Array(TILE * columns);
  for (let k = 0; k < TILE; k++) {
    const at = x.at + (first + k) * x.step;
    for (let n = 0; n < columns; n++) inputs[TILE * n + k] = x.values[at + n];
  }
  return inputs;
}

/**
 * Four vectors: two rows at a time, so that each input and each weight that is read serves several products.
 * @param {Floats} y
 * @param {number} at
 * @param {number} step
 * @param {Floats} W
 * @param {number} rows
 * @param {number} columns
 * @param {Float64Array} x
 * @param {Floats} bias
 */
function multiplyFour(y, at, step, W, rows, columns, x, bias) {
  const even = columns & ~1;
  let row = 0;
  for (; row + 1 < rows; row += 2) {
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    let i = row * columns, j = i + columns;
    let n = 0;
    for (const end = TILE * even; n < end; n += 2 * TILE, i += 2, j += 2) {
      const p = W[i], q = W[i + 1], r = W[j], s = W[j + 1];
      a += p * x[n] + q * x[n + 4], e += r * x[n] + s * x[n + 4];
      b += p * x[n + 1] + q * x[n + 5], f += r * x[n + 1] + s * x[n + 5];
      c += p * x[n + 2] + q * x[n + 6], g += r * x[n + 2] + s * x[n + 6];
      d += p * x[n + 3] + q * x[n + 7], h += r * x[n + 3] + s * x[n + 7];
    }
    if (even < columns) {
      const p = W[i], r = W[j];
      (a += p * x[n]), (b += p * x[n + 1]), (c += p * x[n + 2]), (d += p * x[n + 3]);
      (e += r * x[n]), (f += r * x[n + 1]), (g += r * x[n + 2]), (h += r * x[n + 3]);
    }
    const o = at + row;
    (y[o] = a + bias[row]), (y[o + step] = b + bias[row]);
    (y[o + 2 * step] = c + bias[row]), (y[o + 3 * step] = d + bias[row]);
    (y[o + 1] = e + bias[row + 1]), (y[o + 1 + step] = f + bias[row + 1]);
    (y[o + 1 + 2 * step] = g + bias[row + 1]), (y[o + 1 + 3 * step] = h + bias[row + 1]);
  }
  if (row === rows) return;
  for (let k = 0; k < TILE; k++) {
    let sum = 0;
    let n = 0;
    for (; n < even; n += 2) {
      sum += W[row * columns + n] * x[TILE * n + k] + W[row * columns + n + 1] * x[TILE * (n + 1) + k];
    }
    if (n < columns) sum += W[row * columns + n] * x[TILE * n + k];
    y[at + row + k * step] = sum + bias[row];
  }
}

/**
 * One vector: four rows share the reads of x, and sums in double precision need no rounding after each product, which
 * makes it twice as fast as a plain loop.
 * @param {Floats} y
 * @param {number} at
 * @param {Floats} W
 * @param {number} rows
 * @param {number} columns
 * @param {Floats} x
 * @param {number} xAt
 * @param {Floats} bias
 */
function multiplyOne(y, at, W, rows, columns, x, xAt, bias) {
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
    let sum = 0;
    let n = xAt, i = row * columns;
    for (; n + 1 < end; n += 2, i += 2) sum += W[i] * x[n] + W[i + 1] * x[n + 1];
    if (n < end) sum += W[i] * x[n];
    y[at + row] = sum + bias[row];
  }
}
