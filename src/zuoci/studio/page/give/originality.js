// Finds the spans of a text that also stand in the training lyrics.
//
// The page holds a fingerprint of those lyrics: the hash of every window of `window` characters (8), folded to 40 bits,
// sorted, 5 bytes each, little-endian (zuoci.export.html makes it). The hash of a window is that of the model folder's
// fingerprint (docs/format.md): 64 bits of its first seven characters, and over them the masked eighth. A new window is
// mistaken for a copied one with a probability of (windows of the training lyrics) / 2⁴⁰.

import { JOINER, LETTER, MARK, SYLLABLE, kindOf } from "./form.js";

/** @import {Vocabulary} from "./vocabulary.js" */

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
      if (!this.hasWindow(points, start)) continue;
      const last = spans.at(-1);
      if (last?.end === start + this.window - 1) last.end++;
      else spans.push({ start, end: start + this.window });
    }
    return spans;
  }

  /**
   * The hash of all characters of a window but the last.
   * @param {number[]} points
   * @param {number} start
   */
  beginning(points, start) {
    const first = this.multipliers.reduce((sum, multiplier, i) => sum + hashOf(points[start + i]) * multiplier, 0n);
    return mix(BigInt.asUintN(64, first));
  }

  /** Whether the window that begins at `start` is copied. @param {number[]} points @param {number} start */
  hasWindow(points, start) {
    const hash = this.beginning(points, start);
    const last = (hash ^ BigInt(points[start + this.window - 1])) & NO_CHARACTER;
    return this.has(Number((hash >> 24n) ^ (last << 19n)));
  }
}

const BUCKET_BITS = 19; // of a hash, which do not depend on the last character of its window
const NEXT_BITS = 2 ** BUCKET_BITS; // the bits above them do
const LONGEST_WORD = 16; // characters of a word, with what follows it, on average over a run

/**
 * Finds the characters that would begin one word too many of a copy, as zuoci.writing.guards does it in Python. Words are
 * counted as in zuoci.writing.copy_length: a Chinese character is one, and so is a word of letters.
 *
 * The lowest 19 bits of a hash depend on all characters of the window but the last, and the bits above them are those of
 * the last one, masked: what follows a beginning is read off the hashes that share its lowest bits.
 */
export class CopyGuard {
  /**
   * @param {Fingerprint} fingerprint
   * @param {Vocabulary} vocabulary the characters of the model that writes
   */
  constructor(fingerprint, vocabulary) {
    this.fingerprint = fingerprint;
    this.kinds = vocabulary.characters.map(kindOf);
    this.longestWord = this.kinds.includes(LETTER) ? LONGEST_WORD : 1;
    this.points = vocabulary.characters.map((char) => char.codePointAt(0) ?? 0);
    this.ids = new Map(this.points.map((point, id) => [point, id]));
    const { hashes } = fingerprint;
    this.starts = new Uint32Array(NEXT_BITS + 1); // where the hashes with the same lowest bits begin in `lasts`
    for (const hash of hashes) this.starts[(hash % NEXT_BITS) + 1]++;
    for (let i = 0; i < NEXT_BITS; i++) this.starts[i + 1] += this.starts[i];
    this.lasts = new Uint32Array(hashes.length); // the masked last characters
    const next = this.starts.slice();
    for (const hash of hashes) this.lasts[next[hash % NEXT_BITS]++] = Math.floor(hash / NEXT_BITS);
  }

  /**
   * The ids that must not come next.
   * @param {readonly number[]} recent the ids so far
   * @param {number} limit length of the longest copy that is allowed, in words, at least one less than a window
   * @param {number} [given] how many of the last characters were given together with the next one
   * @returns {number[]}
   */
  banned(recent, limit, given = 0) {
    if (recent.length < limit) return [];
    const points = recent.slice(-limit * this.longestWord).map((id) => this.points[id]);
    const following = this.#following(points.slice(1 - this.fingerprint.window));
    if (!following.length) return [];
    const { inWord, afterWord, length } = this.#run(recent.slice(-points.length), limit);
    if (!length || given >= length) return [];
    for (let start = points.length - length; start + this.fingerprint.window <= points.length; start++) {
      if (!this.fingerprint.hasWindow(points, start)) return [];
    }
    return following.filter((id) => beginsWord(this.kinds[id], inWord, afterWord));
  }

  /**
   * The run of some words at the end of a text.
   * @param {readonly number[]} ids
   * @param {number} limit the words
   * @returns {{inWord: boolean, afterWord: boolean, length: number}} whether the last character belongs to a word of
   *   letters, whether only spaces and marks part it from one, and the characters of the run; 0: there are fewer words
   */
  #run(ids, limit) {
    let [inWord, afterWord] = [false, false];
    /** @type {number[]} */
    const starts = [];
    for (const [i, kind] of ids.map((id) => this.kinds[id]).entries()) {
      if (beginsWord(kind, inWord, afterWord)) starts.push(i);
      if (kind === LETTER || kind === SYLLABLE) inWord = afterWord = kind === LETTER;
      else if (kind !== JOINER && kind !== MARK) inWord = false;
    }
    const first = starts.at(-limit) ?? (ids.length === limit * this.longestWord ? 0 : ids.length);
    return { inWord, afterWord, length: ids.length - first };
  }

  /** The ids that complete a window. @param {number[]} points all characters of the window but the last */
  #following(points) {
    const hash = this.fingerprint.beginning(points, 0);
    const bucket = Number((hash >> 24n) & BigInt(NEXT_BITS - 1));
    const mask = Number((hash ^ (hash >> 43n)) & NO_CHARACTER);
    /** @type {number[]} */
    const found = [];
    for (let i = this.starts[bucket]; i < this.starts[bucket + 1]; i++) {
      const id = this.ids.get(this.lasts[i] ^ mask);
      if (id !== undefined) found.push(id);
    }
    return found;
  }
}

/** @param {number} kind @param {boolean} inWord what the character before it is @param {boolean} afterWord */
function beginsWord(kind, inWord, afterWord) {
  return kind === LETTER ? !inWord : kind === SYLLABLE || !afterWord;
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
