// Finds the spans of a text that also stand in the training lyrics.
//
// The page holds a fingerprint of those lyrics: the hash of every window of `window` characters (8), folded to 40 bits,
// sorted, 5 bytes each, little-endian (zuoci.export.html makes it). The hash of a window is that of the model folder's
// fingerprint (docs/format.md): 64 bits of its first seven characters, and over them the masked eighth. A new window is
// mistaken for a copied one with a probability of (windows of the training lyrics) / 2⁴⁰.

export class Fingerprint {
  /**
   * @param {Uint8Array} bytes
   * @param {number} window characters that a hash covers
   */
  constructor(bytes, window) {
    this.window = window;
    this.hashes = Float64Array.from({ length: bytes.length / 5 }, (_, i) =>
      bytes.subarray(5 * i, 5 * i + 5).reduceRight((sum, byte) => sum * 256 + byte, 0),
    );
    this.multipliers = Array.from({ length: window - 1 }, (_, i) => hashOf(Number(NO_CHARACTER) + 1 + i) | 1n);
  }

  /** Whether a hash is in the fingerprint (binary search). @param {number} hash */
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
   * The copied spans of a text, each as long as possible; two may overlap.
   * @param {string} text
   * @returns {{start: number, end: number}[]} in code points, in order
   */
  copied(text) {
    const points = Array.from(text, (char) => char.codePointAt(0) ?? 0);
    /** @type {{start: number, end: number}[]} */
    const spans = [];
    for (let start = 0; start + this.window <= points.length; start++) {
      if (!this.has(this.#windowHash(points, start))) continue;
      const last = spans.at(-1);
      if (last?.end === start + this.window - 1) last.end++;
      else spans.push({ start, end: start + this.window });
    }
    return spans;
  }

  /** @param {number[]} points @param {number} start */
  #windowHash(points, start) {
    const first = this.multipliers.reduce((sum, multiplier, i) => sum + hashOf(points[start + i]) * multiplier, 0n);
    const hash = mix(BigInt.asUintN(64, first));
    const last = (hash ^ BigInt(points[start + this.window - 1])) & NO_CHARACTER;
    return Number((hash >> 24n) ^ (last << 19n));
  }
}

const GOLDEN = 0x9e37_79b9_7f4a_7c15n;
const NO_CHARACTER = 0x1f_ffffn;
/** @type {Map<number, bigint>} */
const hashes = new Map(); // of the code points seen so far

/** The 64-bit hash of a code point. @param {number} point */
function hashOf(point) {
  let hash = hashes.get(point);
  if (hash === undefined) hashes.set(point, (hash = mix(BigInt.asUintN(64, BigInt(point) + GOLDEN))));
  return hash;
}

/** The finalizer of SplitMix64. @param {bigint} value 64 bits */
function mix(value) {
  value = BigInt.asUintN(64, (value ^ (value >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  value = BigInt.asUintN(64, (value ^ (value >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return value ^ (value >> 31n);
}
