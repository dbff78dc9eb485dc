// Characters ↔ ids, as zuoci.text.vocabulary does it in Python.

// What zuoci.text.characters drops; a text that is typed has no others.
const INVISIBLE = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;

export class Vocabulary {
  /** @param {string} characters all of them, in the order of their ids */
  constructor(characters) {
    this.characters = [...characters];
    this.ids = new Map(this.characters.map((char, id) => [char, id]));
  }

  get size() {
    return this.characters.length;
  }

  /** The id of the line break; of the space in a model trained without line breaks; −1 if it has neither. */
  get lineBreak() {
    return this.ids.get("\n") ?? this.ids.get(" ") ?? -1;
  }

  /**
   * Replaces unknown characters by their full-width or half-width forms, an unknown newline by a space, and drops those
   * that have none. Letters and their accents are composed, and what has no width is dropped, as in a text to train on.
   * @param {string} text
   * @returns {{ids: number[], text: string, unknown: string}} unknown: the dropped characters, each once
   */
  adapt(text) {
    /** @type {number[]} */
    const ids = [];
    const unknown = new Set();
    const clean = [...text].every((char) => this.ids.has(char)) ? text : text.normalize("NFC").replace(INVISIBLE, "");
    for (const char of clean) {
      const id = [char, char.normalize("NFKC"), otherForm(char)].map((form) => this.ids.get(form)).find(isKnown);
      if (id === undefined) unknown.add(char);
      else ids.push(id);
    }
    return { ids, text: this.decode(ids), unknown: [...unknown].join("") };
  }

  /** @param {Iterable<number>} ids */
  decode(ids) {
    return Array.from(ids, (id) => this.characters[id]).join("");
  }
}

/** @param {number | undefined} id */
function isKnown(id) {
  return id !== undefined;
}

/** @param {string} char */
function otherForm(char) {
  if (char === "\n") return " ";
  if (char === " ") return "\u3000";
  return char >= "!" && char <= "~" ? String.fromCodePoint(char.charCodeAt(0) + 0xfee0) : char;
}
