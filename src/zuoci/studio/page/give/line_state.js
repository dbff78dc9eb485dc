// How far a line has come, and which characters may follow. As zuoci.writing.line_state does it in Python;
// tests/golden/lines.json holds cases that both are tested with.

import { END, JOINER, LETTER, MARK, OTHER, SPACE, SYLLABLE } from "./form.js";

/** @import {Constants} from "../shared/types.js" */
/** @import {Alphabet, RhymeConstraint} from "./form.js" */

const ZERO_WIDTH_JOINER = "\u200d";

/**
 * What one line has to be.
 * @typedef {object} LinePlan
 * @property {number} length in syllables; 0: any
 * @property {readonly number[]} gaps the numbers of syllables after which it pauses: a space
 * @property {readonly FixedText[]} fixed what must stand in it, in order
 * @property {string} rhyme equal for lines that rhyme with each other; "": it need not rhyme
 */

/** The number of syllables before a text that must stand in a line, and its ids. @typedef {readonly [number, readonly number[]]} FixedText */

/** @type {readonly number[]} */
const NOTHING = [];

/** A line that is being written. */
export class LineState {
  /**
   * @param {Alphabet} alphabet
   * @param {LinePlan} plan
   * @param {Constants} constants
   */
  constructor(alphabet, plan, constants) {
    this.alphabet = alphabet;
    this.plan = plan;
    this.constants = constants;
    this.size = 0; // characters
    this.syllables = 0;
    this.inWord = false; // the last character belongs to a word of letters
    this.wordLetters = 0;
    this.wordClosed = false; // that word must not go on
    this.marks = 0; // punctuation, symbols and spaces since the last syllable or letter
    this.afterWord = false; // the last syllable is a word of letters
    this.endsInSpace = false;
    this.last = -1; // the last syllable or letter
    this.base = END; // the kind of the last character that is no mark
    this.onBase = 0; // marks on that character
    this.joined = false; // the next symbol belongs to the one before it
    this.fixedBegun = 0; // texts of `plan.fixed` that are written or being written
    this.pending = NOTHING; // what is left of the one that is being written
  }

  /** A copy that goes on by itself. @returns {LineState} */
  copy() {
    return Object.assign(Object.create(LineState.prototype), this);
  }

  /** What is left of the fixed text that stands here. @returns {readonly number[]} */
  get due() {
    const next = this.plan.fixed[this.fixedBegun];
    if (this.pending.length || next?.[0] !== this.syllables || this.needsGap) return this.pending;
    const apart = this.inWord && this.alphabet.kinds[next[1][0]] === LETTER; // a space must come before it
    return apart ? NOTHING : next[1];
  }

  /** The character that a fixed text requires next; −1: none does. */
  get forced() {
    return this.due[0] ?? -1;
  }

  /** Whether the line pauses here by its form. Between words of letters there is a space anyway. */
  get needsGap() {
    return this.plan.gaps.includes(this.syllables) && !this.marks && !this.inWord;
  }

  /** Syllables still to come; for a line of any length, the most that may still come. */
  get left() {
    return (this.plan.length || this.constants.most_syllables) - this.syllables;
  }

  /** Whether each kind of character may come next. */
  allowedKinds() {
    const { left, marks, size, inWord } = this;
    const { max_word_letters: longest, most_marks: most, most_last_marks: mostLast, most_on_one: mostOnOne } = this.constants;
    const mostMarks = left > 0 ? most : mostLast;
    const waiting = this.plan.fixed[this.fixedBegun]; // a fixed text further on, or for the space before it
    const mayBegin = left > 0 && waiting?.[0] !== this.syllables;
    const allowed = [false, false, false, false, false, false, false];
    if (this.needsGap) {
      allowed[END] = true; // a phrase ends; `allow` adds the space
      return allowed;
    }
    allowed[SYLLABLE] = mayBegin;
    allowed[LETTER] = inWord ? !this.wordClosed && this.wordLetters < longest : mayBegin;
    allowed[OTHER] = allowed[JOINER] = marks < (size ? mostMarks : 1);
    // A line with a length has no pauses but between words of letters, unless its form asks for them.
    allowed[SPACE] = size > 0 && left > 0 && marks < mostMarks && (!this.plan.length || this.afterWord);
    allowed[END] = !waiting && (this.plan.length ? left === 0 : this.syllables > 0) && !this.endsInSpace;
    allowed[MARK] = size > 0 && !this.endsInSpace && this.onBase < mostOnOne;
    if (this.joined) {
      allowed[OTHER] = true;
      allowed[SPACE] = allowed[END] = false;
    }
    return allowed;
  }

  /**
   * Marks the characters that may come next by the form.
   * @param {Uint8Array} mask `(V,)`, overwritten
   * @param {RhymeConstraint | null} rhyme
   */
  allow(mask, rhyme) {
    const allowed = this.allowedKinds().map(Number);
    const { kinds, lineBreak } = this.alphabet;
    for (let id = 0; id < mask.length; id++) mask[id] = allowed[kinds[id]];
    if (this.needsGap && this.alphabet.space >= 0) mask[this.alphabet.space] = 1;
    if (!rhyme || this.needsGap) return;
    if (!this.plan.length) {
      if (lineBreak >= 0 && !rhyme.fits(this.last)) mask[lineBreak] = 0;
    } else if (this.left === 1) {
      for (let id = 0; id < mask.length; id++) {
        if (kinds[id] === SYLLABLE || (kinds[id] === LETTER && !this.inWord)) mask[id] &= Number(rhyme.fits(id));
      }
    }
  }

  /** Appends a character, which is not the one that ends the line. @param {number} id */
  advance(id) {
    const kind = this.alphabet.kinds[id];
    const { joined, due } = this;
    if (due.length && !this.pending.length) this.fixedBegun++;
    this.pending = due.slice(1);
    this.size++;
    this.onBase = kind === MARK ? this.onBase + 1 : 0;
    this.joined = this.base === OTHER && this.alphabet.vocabulary.characters[id] === ZERO_WIDTH_JOINER;
    this.endsInSpace = kind === SPACE || kind === END;
    if (kind === MARK || (joined && kind === OTHER)) return;
    this.base = kind;
    if (due.length) this.wordClosed = !this.pending.length && kind === LETTER;
    else if (kind !== LETTER) this.wordClosed = false;
    if (kind === SYLLABLE || (kind === LETTER && !this.inWord)) this.syllables++;
    this.wordLetters = (kind === LETTER || kind === JOINER) && this.inWord ? this.wordLetters + 1 : 1;
    this.inWord = kind === LETTER || (kind === JOINER && this.inWord);
    const counts = kind === SYLLABLE || kind === LETTER;
    this.marks = counts ? 0 : this.marks + 1;
    if (counts) {
      this.afterWord = kind === LETTER;
      this.last = id;
    }
  }
}
