// Powers of two, exp and log with the same bits in every browser: those of browsers differ, so that only operations are
// used that IEEE 754 defines to the last bit.

const LOWEST = -1022; // the lowest exponent of a normal number
const HIGHEST = 1023;
const LN_2 = 0.6931471805599453;
const SQRT_2 = 1.4142135623730951;
const POWERS = Float64Array.from({ length: HIGHEST - LOWEST + 1 }, (_, i) => multiplied(i + LOWEST));

/** @param {number} exponent */
function multiplied(exponent) {
  let power = 1;
  for (let i = Math.abs(exponent); i; i--) power *= exponent < 0 ? 0.5 : 2;
  return power;
}

/** 2 to an integer from −1022 to 1023. @param {number} exponent */
export function powerOfTwo(exponent) {
  return POWERS[exponent - LOWEST];
}

/**
 * eˣ with a relative error of about 1e-11: 2ᵏ eʳ with x = k ln 2 + r, |r| ≤ ln 2 / 2, and the Taylor series of eʳ.
 * @param {number} x
 */
export function exp(x) {
  if (!(x > -700)) return x <= -700 ? 0 : NaN;
  if (x > 709) return Infinity;
  const k = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10; // ln 2 in two parts, so that k ln 2 is exact
  let sum = 1 + r / 10;
  for (let n = 9; n; n--) sum = 1 + (r * sum) / n;
  return sum * POWERS[k - LOWEST];
}

const view = new DataView(new ArrayBuffer(8));

/**
 * ln x with a relative error below 1e-13: k ln 2 + ln m with x = 2ᵏ m, √½ < m ≤ √2, and ln m = 2 artanh s by the Taylor
 * series of artanh, s = (m − 1) / (m + 1).
 * @param {number} x
 * @returns {number}
 */
export function log(x) {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  if (x < POWERS[0]) return log(x * POWERS[54 - LOWEST]) - 54 * LN_2; // below the normal numbers
  view.setFloat64(0, x);
  let k = (view.getUint16(0) >> 4) - 1023; // the exponent stands after the sign
  let m = x / POWERS[k - LOWEST];
  if (m > SQRT_2) (m /= 2), k++;
  const s = (m - 1) / (m + 1);
  let sum = 1 / 15;
  for (let n = 13; n > 0; n -= 2) sum = sum * s * s + 1 / n;
  return k * LN_2 + 2 * s * sum;
}
