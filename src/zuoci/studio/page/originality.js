// Which spans of a text stand in the training text, by a fingerprint: hashes of all its windows of 8 characters.
//
// The hash of a window is 40 bits: two 32-bit words, each mixed with one code point c after another,
//     w ← (w ⊕ c) · m mod 2³²;  w ← w ⊕ (w ≫ 15)
// and the low 8 bits of the second above the first. Embedded are the hashes sorted, 5 bytes each, little-endian.
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

function windowHash(points, start) {
  let first = 0x811c_9dc5;
  let second = 0x5bd1_e995;
  for (let i = start; i < start + WINDOW; i++) {
    first = Math.imul(first ^ points[i], 0x85eb_ca6b);
    first ^= first >>> 15;
    second = Math.imul(second ^ points[i], 0xc2b2_ae35);
    second ^= second >>> 15;
  }
  return (second & 0xff) * 2 ** 32 + (first >>> 0);
}
