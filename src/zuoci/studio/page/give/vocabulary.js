// Characters ↔ ids, as zuoci.text.vocabulary.

export class Vocabulary {
  /** @param {string} characters all of them, in the order of their ids */
  constructor(characters) {
    this.characters = [...characters];
    this.ids = new Map(this.characters.map((char, id) => [char, id]));
  }

  get size() {
    return this.characters.length;
  }

  /** The id of what stands before a line: a newline, or a space where newlines were made spaces; −1: neither. */
  get lineBreak() {
    return this.ids.get("\n") ?? this.ids.get(" ") ?? -1;
  }

  /**
   * Replaces unknown characters by their full-width or half-width forms, or else leaves them out.
   * @returns {{ids: number[], text: string, unknown: string}} unknown: what was left out, each once
   */
  adapt(text) {
    const kept = [];
    const unknown = new Set();
    for (const char of text) {
      const form = [char, char.normalize("NFKC"), wide(char)].find((form) => this.ids.has(form));
      if (form === undefined) unknown.add(char);
      else kept.push(form);
    }
    return { ids: kept.map((char) => this.ids.get(char)), text: kept.join(""), unknown: [...unknown].join("") };
  }

  decode(ids) {
    return Array.from(ids, (id) => this.characters[id]).join("");
  }
}

function wide(char) {
  if (char === " ") return "\u3000";
  return char >= "!" && char <= "~" ? String.fromCodePoint(char.codePointAt(0) + 0xfee0) : char;
}
