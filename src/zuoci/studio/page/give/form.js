// Keeps a text in its form: for each position, the characters that may come next, given the length of the line, the
// acrostic and the rhyme scheme.
//
// Length counts 1 for a Chinese character (any letter of a script without case) and 1 for a word of other letters. Spaces,
// punctuation and emoji count 0; at most `MAX_FILLERS` of them stand in a row. A mark, such as an accent or a vowel of
// Thai, belongs to the character before it, and so does the next part of an emoji after a zero-width joiner.

/** @import {WriteSettings} from "./types.js" */
/** @import {Vocabulary} from "./vocabulary.js" */

const BREAK = 0;
const CHARACTER = 1;
const LETTER = 2;
const FILLER = 3;
const MARK = 4;
const MAX_FREE_LENGTH = 16; // length of a line for which none was asked
export const MAX_LENGTH = 24; // the longest that may be asked for
const MAX_FILLERS = 2;
const MAX_MARKS = 4; // on one character
const JOINER = "\u200d";
const MIN_RHYMES = 3; // characters that a rhyme must offer before a scheme may begin with it

/** @param {string} char */
function kindOf(char) {
  // As zuoci.text.characters.extends does it in Python.
  if (/\p{M}|[\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]/u.test(char)) return MARK;
  if (/[\p{Lo}〇々]/u.test(char)) return CHARACTER;
  return /[\p{L}\p{N}]/u.test(char) ? LETTER : FILLER;
}

/**
 * Reads the lengths of lines, as `7 7 5 5`.
 * @param {string} text
 * @returns {number[] | null} null: something else is written there
 */
export function parseLengths(text) {
  const lengths = text.split(/[\s,，、/]+/u).filter(Boolean).map(Number);
  return lengths.every((length) => Number.isInteger(length) && length >= 1 && length <= MAX_LENGTH) ? lengths : null;
}

/**
 * The rhyme letter of a line; "": it rhymes with no other.
 * @param {readonly string[]} scheme a letter for each line, repeated after the last; `-`: no rhyme
 * @param {number} line from 0
 */
export function rhymeLetter(scheme, line) {
  const letter = scheme.length ? scheme[line % scheme.length] : "-";
  return letter === "-" ? "" : letter;
}

/** What forms need to know about the characters of a model. */
export class Alphabet {
  /**
   * @param {Vocabulary} vocabulary
   * @param {Record<string, string>} rhymes the rhyme of each character that has one
   * @param {number} maxWordLetters letters of the longest word
   */
  constructor(vocabulary, rhymes, maxWordLetters) {
    this.vocabulary = vocabulary;
    this.maxWordLetters = maxWordLetters;
    this.lineBreak = vocabulary.lineBreak;
    this.kinds = Uint8Array.from(vocabulary.characters, kindOf);
    if (this.lineBreak >= 0) this.kinds[this.lineBreak] = BREAK;
    this.rhymes = vocabulary.characters.map((char) => rhymes[char] ?? "");
    /** @type {Map<string, number>} */
    this.rhymeCounts = new Map();
    for (const rhyme of this.rhymes) this.rhymeCounts.set(rhyme, (this.rhymeCounts.get(rhyme) ?? 0) + 1);
    this.size = vocabulary.size;
  }
}

/** The form of a text, and how far the text has come in it. */
export class Form {
  /**
   * @param {Alphabet} alphabet
   * @param {Pick<WriteSettings, "lengths" | "acrostic" | "rhyme">} settings
   */
  constructor(alphabet, { lengths, acrostic, rhyme }) {
    this.alphabet = alphabet;
    this.lengths = lengths;
    this.acrostic = alphabet.vocabulary.adapt(acrostic).ids;
    this.scheme = [...rhyme];
    /** @type {Map<string, number[]>} */
    this.lineEnds = new Map(); // letter of the scheme → the last characters of its lines so far
    this.line = 0;
    this.broken = 0; // positions at which no character kept the form
    this.mask = new Uint8Array(alphabet.size);
    // The current line:
    this.count = 0; // length so far
    this.letters = 0; // of the word at the end
    this.fillers = 0; // spaces and punctuation at the end
    this.last = -1; // the last character that counts
    this.marks = 0; // at the end
    this.joined = false; // whether a joiner is at the end, so that the next character belongs to the one before it
    this.spaced = true; // whether the line is empty or a space is at the end, so that a mark has nothing to stand on
  }

  /** A copy that can be continued by itself. */
  fork() {
    const { lengths } = this;
    const other = new Form(this.alphabet, { lengths, acrostic: "", rhyme: "" });
    Object.assign(other, this, { lineEnds: new Map(this.lineEnds), mask: other.mask });
    return other;
  }

  get empty() {
    return this.last < 0 && this.fillers === 0;
  }

  /** The length that the current line must have; 0: any. */
  get length() {
    return this.lengths.length ? this.lengths[this.line % this.lengths.length] : 0;
  }

  /** The rhyme letter of the current line, or "". */
  get letter() {
    return rhymeLetter(this.scheme, this.line);
  }

  /** Advances by one character. @param {number} id */
  read(id) {
    const kind = this.alphabet.kinds[id];
    const continued = this.joined && kind === FILLER;
    this.marks = kind === MARK ? this.marks + 1 : 0;
    this.joined = this.alphabet.vocabulary.characters[id] === JOINER;
    this.spaced = kind === BREAK || this.#isSpace(id);
    if (kind === MARK || continued) return;
    if (kind === BREAK) {
      this.addLineEnd(this.letter, this.last);
      this.line++;
      Object.assign(this, { count: 0, letters: 0, fillers: 0, last: -1 });
    } else if (kind === FILLER) {
      this.fillers++;
      if (!"'’-".includes(this.alphabet.vocabulary.characters[id])) this.letters = 0;
    } else {
      if (kind === CHARACTER || !this.letters) this.count++;
      this.letters = kind === LETTER ? this.letters + 1 : 0;
      this.fillers = 0;
      this.last = id;
    }
  }

  /** Adds the end of a line that others must rhyme with. @param {string} letter @param {number} id −1: none */
  addLineEnd(letter, id) {
    if (!letter || id < 0 || !this.alphabet.rhymes[id]) return;
    this.lineEnds.set(letter, [...(this.lineEnds.get(letter) ?? []), id]);
  }

  /**
   * The characters that may come next. Where none keeps the rhyme, the rhyme is given up; where none is left even so,
   * the line is over.
   * @param {Uint8Array | null} banned `(V,)`, 1 where a character must not be written
   * @returns {Uint8Array} `(V,)`, 1 where one may; overwritten by the next call
   */
  allowed(banned = null) {
    const { mask, alphabet } = this;
    const first = this.empty ? this.acrostic[this.line] : undefined;
    if (first !== undefined) {
      mask.fill(0)[first] = 1;
      return mask;
    }
    for (const rhyming of [true, false]) {
      let some = 0;
      for (let id = 0; id < mask.length; id++) {
        mask[id] = this.#fits(id, rhyming) && !(banned?.[id] && alphabet.kinds[id] !== BREAK) ? 1 : 0;
        some |= mask[id];
      }
      if (some) break;
      this.broken++;
    }
    return mask;
  }

  /** @param {number} id @param {boolean} rhyming whether the rhyme must be kept */
  #fits(id, rhyming) {
    const limit = this.length || MAX_FREE_LENGTH;
    const kind = this.alphabet.kinds[id];
    const full = this.count >= limit;
    if (kind === MARK) return !this.spaced && this.marks < MAX_MARKS;
    if (this.joined && (kind === BREAK || this.#isSpace(id))) return false;
    if (this.joined && kind === FILLER) return true;
    if (kind === BREAK) {
      if (this.length ? !full : this.count === 0) return false;
      return full || !rhyming || this.#rhymes(this.last);
    }
    if (kind === FILLER) {
      const most = full || this.last < 0 ? 1 : MAX_FILLERS;
      return this.fillers < most && !(this.#isSpace(id) && (full || this.#isolatesLast()));
    }
    if (kind === LETTER && this.letters) return this.letters < this.alphabet.maxWordLetters;
    if (full) return false;
    return !rhyming || this.count + 1 < limit || this.#rhymes(id);
  }

  /** Whether a space here would cut off the last character of the line. */
  #isolatesLast() {
    return this.count + 1 === this.length && this.alphabet.kinds[this.last] === CHARACTER;
  }

  /** @param {number} id */
  #isSpace(id) {
    return /\s/u.test(this.alphabet.vocabulary.characters[id]);
  }

  /**
   * Whether the line may end with a character. The first line of a rhyme chooses it, but no rare one.
   * @param {number} id
   */
  #rhymes(id) {
    if (!this.letter) return true;
    const rhyme = this.alphabet.rhymes[id];
    const before = this.lineEnds.get(this.letter);
    if (before) return this.alphabet.rhymes[before[0]] === rhyme && !before.includes(id);
    return Boolean(rhyme) && (this.alphabet.rhymeCounts.get(rhyme) ?? 0) >= MIN_RHYMES;
  }
}
