// Which spans of a text stand in the training text, by a fingerprint: hashes of all its windows of 8 characters.
//
// The hash of a window is that of the model folder's fingerprint (docs/format.md), folded to 40 bits: that of its first
// seven characters, and over it the masked eighth. Embedded are the hashes sorted, 5 bytes each, little-endian.
// A window that is new is taken for a copied one with a probability of (windows of the training text) / 2⁴⁰.

export const WINDOW = 8;

export class Fingerprint {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    const hash = (_, i) => bytes.subarray(5 * i, 5 * i + 5).reduceRight((sum, byte) => sum * 256 + byte, 0);
    this.hashes = Float64Array.from({ length: bytes.length / 5 }, hash);
  }

  has(hash) {
    let low = 0;
    let high = this.hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hashes[middle] < hash) low = middle + 1;
      else high = middle;
    }
    return this.hashes[low] === hash;
  }

  /**
   * The spans of a text of at least 8 characters that are copied, each as long as it goes; two may overlap.
   * @returns {{start: number, end: number}[]} in code points, in order
   */
  copied(text) {
    const points = Array.from(text, (char) => char.codePointAt(0));
    const spans = [];
    for (let start = 0; start + WINDOW <= points.length; start++) {
      if (!this.has(windowHash(points, start))) continue;
      const last = spans.at(-1);
      if (last?.end === start + WINDOW - 1) last.end++;
      else spans.push({ start, end: start + WINDOW });
    }
    return spans;
  }
}

const GOLDEN = 0x9e37_79b9_7f4a_7c15n;
const NO_CHARACTER = 0x1f_ffffn;
const numbers = new Map(); // code point → its number of 64 bits
const multipliers = Array.from({ length: WINDOW - 1 }, (_, i) => numberOf(Number(NO_CHARACTER) + 1 + i) | 1n);

function windowHash(points, start) {
  let sum = 0n;
  for (let i = 0; i < WINDOW - 1; i++) sum += numberOf(points[start + i]) * multipliers[i];
  const seven = mix(BigInt.asUintN(64, sum));
  const eighth = (seven ^ BigInt(points[start + WINDOW - 1])) & NO_CHARACTER;
  return Number((seven >> 24n) ^ (eighth << 19n));
}

function numberOf(point) {
  if (!numbers.has(point)) numbers.set(point, mix(BigInt.asUintN(64, BigInt(point) + GOLDEN)));
  return numbers.get(point);
}

/** The finalizer of SplitMix64. */
function mix(value) {
  value = BigInt.asUintN(64, (value ^ (value >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  value = BigInt.asUintN(64, (value ^ (value >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return value ^ (value >> 31n);
}
