// The form of a text: the kinds of characters, and what a line has to be. As zuoci.writing.form does it in Python.
//
// Length counts 1 for a Chinese character (any letter of a script without case) and 1 for a word of other letters. Spaces,
// punctuation and emoji count 0. A mark, such as an accent or a vowel of Thai, belongs to the character before it, and so
// does the next part of an emoji after a zero-width joiner.

/** @import {Vocabulary} from "./vocabulary.js" */

export const SYLLABLE = 0; // counts as 1 by itself
export const LETTER = 1; // part of a word, which counts as 1
export const JOINER = 2; // an apostrophe or a hyphen
export const OTHER = 3; // punctuation and symbols
export const SPACE = 4;
export const END = 5; // what ends a line
export const MARK = 6; // belongs to the character before it

/** @param {string} char */
export function kindOf(char) {
  if ("'’-".includes(char)) return JOINER;
  // As zuoci.text.characters.extends does it in Python.
  if (/\p{M}|[\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]/u.test(char)) return MARK;
  if (/[\p{Lo}〇々]/u.test(char)) return SYLLABLE;
  if (/[\p{L}\p{N}]/u.test(char)) return LETTER;
  return /\s/u.test(char) ? SPACE : OTHER;
}

/**
 * The syllables of a text; words in lower case.
 * @param {readonly string[]} characters
 */
export function units(characters) {
  /** @type {string[]} */
  const found = [];
  let inWord = false;
  for (const char of characters) {
    const kind = kindOf(char);
    /** @type {boolean} */
    const goesOn = inWord && (kind === JOINER || kind === MARK);
    if (kind === SYLLABLE || (kind === LETTER && !inWord)) found.push(char.toLowerCase());
    else if (kind === LETTER || goesOn) found[found.length - 1] += char.toLowerCase();
    inWord = kind === LETTER || goesOn;
  }
  return found;
}

/**
 * Reads the lengths of lines, as `7 4+3`: the parts of each line, between which there are gaps.
 * @param {string} text
 * @param {number} longest of a line
 * @returns {number[][] | null} null: something else is written there
 */
export function parseLengths(text, longest) {
  const lines = text.split(/[\s,，、/]+/u).filter(Boolean).map((line) => line.split("+"));
  const valid = lines.every((line) => line.every((part) => /^\d+$/.test(part) && (Number(part) || line.length === 1)));
  const parts = lines.map((line) => line.map(Number));
  return valid && parts.every((line) => sum(line) <= longest) ? parts : null;
}

/** @param {readonly number[]} numbers */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
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

/**
 * What a line shares with those that it rhymes with: each repetition of the scheme has rhymes of its own, but for a
 * scheme of one letter, by which all lines rhyme.
 * @param {readonly string[]} scheme
 * @param {number} line from 0
 */
export function rhymeKey(scheme, line) {
  const letter = rhymeLetter(scheme, line);
  return letter && scheme.length > 1 ? `${letter}${Math.floor(line / scheme.length)}` : letter;
}

/** What forms need to know about the characters of a model. */
export class Alphabet {
  /**
   * @param {Vocabulary} vocabulary
   * @param {Record<string, string>} rhymes the rhyme of each character that has one
   */
  constructor(vocabulary, rhymes) {
    this.vocabulary = vocabulary;
    this.lineBreak = vocabulary.lineBreak;
    this.kinds = Uint8Array.from(vocabulary.characters, kindOf);
    if (this.lineBreak >= 0) this.kinds[this.lineBreak] = END;
    this.space = this.lineBreak >= 0 && vocabulary.characters[this.lineBreak] === " " ? -1 : (vocabulary.ids.get(" ") ?? -1);
    this.rhymes = vocabulary.characters.map((char) => rhymes[char] ?? "");
    /** @type {Map<string, number>} */
    this.rhymeCounts = new Map();
    for (const rhyme of this.rhymes) this.rhymeCounts.set(rhyme, (this.rhymeCounts.get(rhyme) ?? 0) + 1);
    this.size = vocabulary.size;
  }

  /** The last character of a line that counts for its length; −1: there is none. @param {readonly number[]} ids */
  lastCounted(ids) {
    return ids.findLast((id) => this.kinds[id] === SYLLABLE || this.kinds[id] === LETTER) ?? -1;
  }
}

/** What the end of one line must be, so that it rhymes. As zuoci.writing.rhyme.constraint does it in Python. */
export class RhymeConstraint {
  /**
   * @param {Alphabet} alphabet
   * @param {readonly number[]} partners the last characters of the lines that it must rhyme with
   * @param {number} count lines with this rhyme, this one included
   */
  constructor(alphabet, partners, count) {
    this.alphabet = alphabet;
    this.taken = new Set(partners);
    this.group = partners.map((id) => alphabet.rhymes[id]).find(Boolean) ?? "";
    this.count = count;
  }

  /**
   * Whether the line rhymes if this is its last character. The first line of a rhyme chooses it, but none that is too
   * rare for all lines.
   * @param {number} id −1: the line is empty
   */
  fits(id) {
    const rhyme = this.alphabet.rhymes[id];
    if (!rhyme || this.taken.has(id)) return false;
    return this.group ? rhyme === this.group : (this.alphabet.rhymeCounts.get(rhyme) ?? 0) >= this.count;
  }
}
