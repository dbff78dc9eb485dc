// The form of a text, as the characters that may come next: line lengths, acrostic, rhyme.
//
// A Chinese, Japanese or Korean character counts 1, and so does a word of letters; spaces and punctuation count
// nothing, and at most two of them stand in a row.

const BREAK = 0, CHARACTER = 1, LETTER = 2, OTHER = 3;
const LONGEST_LINE = 16; // what a line without a given length may count
const LONGEST_WORD = 24; // letters
const FILLERS = 2;
const PARTNERS = 3; // characters, at least, that a rhyme which is to be taken up again must offer

function kindOf(char) {
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u.test(char)) {
    return CHARACTER;
  }
  return /[\p{L}\p{M}\p{N}]/u.test(char) ? LETTER : OTHER;
}

/** What the forms of one model need to know about its characters. */
export class Alphabet {
  /**
   * @param {Vocabulary} vocabulary
   * @param {Object<string, string>} rhymes character → the name of its rhyme; characters without one never rhyme
   */
  constructor(vocabulary, rhymes = {}) {
    this.vocabulary = vocabulary;
    this.lineBreak = vocabulary.lineBreak;
    this.kinds = Uint8Array.from(vocabulary.characters, kindOf);
    if (this.lineBreak >= 0) this.kinds[this.lineBreak] = BREAK;
    this.rhymes = vocabulary.characters.map((char) => rhymes[char] ?? "");
    this.partners = new Map();
    for (const rhyme of this.rhymes) this.partners.set(rhyme, (this.partners.get(rhyme) ?? 0) + 1);
    this.size = vocabulary.size;
  }
}

/** Follows a text from its first line on. */
export class Form {
  /**
   * @param {Alphabet} alphabet
   * @param {{lengths?: number[], acrostic?: string, rhyme?: string}} wish lengths: what each line counts, from the
   *     start again after the last (0: any); acrostic: the first character of each line; rhyme: a letter for each
   *     line, from the start again after the last, the same letter where lines rhyme and `-` where one is free
   */
  constructor(alphabet, { lengths = [], acrostic = "", rhyme = "" }) {
    this.alphabet = alphabet;
    this.lengths = lengths;
    this.acrostic = alphabet.vocabulary.adapt(acrostic).ids;
    this.scheme = [...rhyme];
    this.ends = new Map(); // letter of the scheme → the ids at the ends of its lines so far
    this.line = 0;
    this.broken = 0; // places where nothing was left to choose, so that the form was let go
    this.mask = new Uint8Array(alphabet.size);
    this.#begin();
  }

  /** A copy that can be led on alone. */
  fork() {
    const other = new Form(this.alphabet, {});
    Object.assign(other, this, { ends: new Map(this.ends), mask: other.mask });
    return other;
  }

  #begin() {
    this.count = 0;
    this.letters = 0; // of the word that the line ends with now
    this.fillers = 0; // characters that count nothing, at the line's end now
    this.last = -1; // the last one that counts
  }

  get empty() {
    return this.last < 0 && this.fillers === 0;
  }

  get length() {
    return this.lengths.length ? this.lengths[this.line % this.lengths.length] : 0;
  }

  get letter() {
    const letter = this.scheme.length ? this.scheme[this.line % this.scheme.length] : "-";
    return letter === "-" ? "" : letter;
  }

  /** Takes note of a character that was read or written. */
  read(id) {
    const kind = this.alphabet.kinds[id];
    if (kind === BREAK) {
      this.note(this.letter, this.last);
      this.line++;
      this.#begin();
    } else if (kind === OTHER) {
      this.fillers++;
      if (!"'’-".includes(this.alphabet.vocabulary.characters[id])) this.letters = 0;
    } else {
      if (kind === CHARACTER || !this.letters) this.count++;
      this.letters = kind === LETTER ? this.letters + 1 : 0;
      this.fillers = 0;
      this.last = id;
    }
  }

  /** Takes note of a line's end that other lines have to rhyme with. */
  note(letter, id) {
    if (letter && id >= 0 && this.alphabet.rhymes[id]) this.ends.set(letter, [...(this.ends.get(letter) ?? []), id]);
  }

  /** `(V,)`, 1 where a character may come next, all 0 if none may: the line is over. Overwritten by the next call. */
  allowed(banned = null) {
    const { mask, alphabet } = this;
    const first = this.empty ? this.acrostic[this.line] : undefined;
    if (first !== undefined) {
      mask.fill(0)[first] = 1;
      return mask;
    }
    for (const strict of [true, false]) {
      let some = 0;
      for (let id = 0; id < mask.length; id++) {
        mask[id] = this.#may(id, strict) && !(banned?.[id] && alphabet.kinds[id] !== BREAK) ? 1 : 0;
        some |= mask[id];
      }
      if (some) break;
      this.broken++;
    }
    return mask;
  }

  /** @param {boolean} strict rhyme included */
  #may(id, strict) {
    const limit = this.length || LONGEST_LINE;
    const kind = this.alphabet.kinds[id];
    const full = this.count >= limit;
    if (kind === BREAK) {
      if (this.length ? !full : this.count === 0) return false;
      return full || !strict || this.#rhymes(this.last);
    }
    if (kind === OTHER) {
      return this.fillers < (full || this.last < 0 ? 1 : FILLERS) && !(this.#space(id) && (full || this.#alone()));
    }
    if (kind === LETTER && this.letters) return this.letters < LONGEST_WORD;
    if (full) return false;
    return !strict || this.count + 1 < limit || this.#rhymes(id);
  }

  /** Whether a space would leave a line's last character standing alone. */
  #alone() {
    return this.count + 1 === this.length && this.alphabet.kinds[this.last] === CHARACTER;
  }

  #space(id) {
    return /\s/u.test(this.alphabet.vocabulary.characters[id]);
  }

  /** Whether a line may end with this character. The first line of a rhyme chooses it, but no rare one. */
  #rhymes(id) {
    if (!this.letter) return true;
    const rhyme = this.alphabet.rhymes[id];
    const before = this.ends.get(this.letter);
    if (before) return this.alphabet.rhymes[before[0]] === rhyme && !before.includes(id);
    return Boolean(rhyme) && this.alphabet.partners.get(rhyme) >= PARTNERS;
  }
}
