// What the server found in a text: which lines rhyme, and which spans are copied from the training lyrics. Lines are
// looked up by their text, so that what is known of a line survives changes of others.

/** @import {Mark} from "../shared/types.js" */
/** @import {Check, CopiedSpan} from "./types.js" */

/** @typedef {{start: number, end: number, span: CopiedSpan}} LineSpan in code points of the line */

export class CheckedText {
  constructor() {
    /** @type {Map<string, {letter: string, spans: LineSpan[]}>} */
    this.lines = new Map();
    this.scheme = ""; // a letter per line; X: rhymes with no other
    /** @type {{count: number, longest: number} | null} */
    this.copied = null; // null: not known
  }

  /** Takes over the result of a check. @param {Check} check */
  update({ text, lines, scheme, originality }) {
    const spans = originality?.spans ?? [];
    this.scheme = scheme;
    this.copied = originality && { count: spans.length, longest: originality.longest_copied };
    this.lines.clear();
    let begin = 0; // code points before the line
    for (const line of text.split("\n")) {
      const end = begin + [...line].length;
      const letter = lines.find(({ start }) => start === begin)?.letter ?? "X";
      const within = spansWithin(spans, begin, end);
      if (line) this.lines.set(line, { letter: letter === "X" ? "" : letter, spans: within });
      begin = end + 1;
    }
  }

  /** Forgets what was found in the text as a whole, because the text has changed. */
  forgetText() {
    this.scheme = "";
    this.copied = null;
  }

  /** Forgets everything, because the model has changed. */
  forgetAll() {
    this.forgetText();
    this.lines.clear();
  }

  /** Whether any line rhymes with another. */
  get rhymes() {
    return /[^X]/u.test(this.scheme);
  }

  /** The rhyme letter of a line, or "". @param {string} line */
  letter(line) {
    return this.lines.get(line)?.letter ?? "";
  }

  /**
   * The copied spans of a line.
   * @param {string} line
   * @param {(span: CopiedSpan) => string} describe
   * @returns {Mark[]}
   */
  marks(line, describe) {
    const spans = this.lines.get(line)?.spans ?? [];
    return spans.map(({ start, end, span }) => ({ start, end, source: describe(span) }));
  }
}

/**
 * The spans that touch a line, counted from its start.
 * @param {CopiedSpan[]} spans
 * @param {number} begin
 * @param {number} end
 * @returns {LineSpan[]}
 */
function spansWithin(spans, begin, end) {
  const touching = spans.filter(({ start, length }) => start < end && start + length > begin);
  return touching.map((span) => ({ start: span.start - begin, end: span.start + span.length - begin, span }));
}
