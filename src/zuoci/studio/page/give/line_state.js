// How far a line has come, and which characters may follow. As zuoci.writing.line_state does it in Python;
// tests/golden/lines.json holds cases that both are tested with.

import { END, JOINER, LETTER, OTHER, SPACE, SYLLABLE } from "./form.js";

/** @import {Constants} from "../shared/types.js" */
/** @import {Alphabet, RhymeConstraint} from "./form.js" */

/**
 * What one line has to be.
 * @typedef {object} LinePlan
 * @property {number} length in syllables; 0: any
 * @property {readonly number[]} opening what it begins with
 */

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
    this.marks = 0; // characters since the last syllable or letter
    this.afterWord = false; // the last syllable is a word of letters
    this.endsInSpace = false;
    this.last = -1; // the last syllable or letter
  }

  /** A copy that goes on by itself. @returns {LineState} */
  copy() {
    return Object.assign(Object.create(LineState.prototype), this);
  }

  /** The character that the opening requires next; −1: it is over. */
  get forced() {
    return this.size < this.plan.opening.length ? this.plan.opening[this.size] : -1;
  }

  /** Syllables still to come; for a line of any length, the most that may still come. */
  get left() {
    return (this.plan.length || this.constants.most_syllables) - this.syllables;
  }

  /** Whether each kind of character may come next. */
  allowedKinds() {
    const { left, marks, size, inWord } = this;
    const { max_word_letters: longest, most_marks: most, most_last_marks: mostLast } = this.constants;
    const mostMarks = left > 0 ? most : mostLast;
    const allowed = [false, false, false, false, false, false];
    allowed[SYLLABLE] = left > 0;
    allowed[LETTER] = inWord ? !this.wordClosed && this.wordLetters < longest : left > 0;
    allowed[OTHER] = allowed[JOINER] = marks < (size ? mostMarks : 1);
    // A line with a length has no pauses but between words of letters.
    allowed[SPACE] = size > 0 && left > 0 && marks < mostMarks && (!this.plan.length || this.afterWord);
    allowed[END] = (this.plan.length ? left === 0 : this.syllables > 0) && !this.endsInSpace;
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
    if (!rhyme) return;
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
    const counts = kind === SYLLABLE || kind === LETTER;
    if (this.forced >= 0) this.wordClosed = this.size + 1 === this.plan.opening.length && kind === LETTER;
    else if (kind !== LETTER) this.wordClosed = false;
    if (kind === SYLLABLE || (kind === LETTER && !this.inWord)) this.syllables++;
    this.wordLetters = (kind === LETTER || kind === JOINER) && this.inWord ? this.wordLetters + 1 : 1;
    this.inWord = kind === LETTER || (kind === JOINER && this.inWord);
    this.marks = counts ? 0 : this.marks + 1;
    if (counts) {
      this.afterWord = kind === LETTER;
      this.last = id;
    }
    this.endsInSpace = kind === SPACE || kind === END;
    this.size++;
  }
}
