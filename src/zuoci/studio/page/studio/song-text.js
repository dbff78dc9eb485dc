// A song as a text: which of its lines are sung, and where its sections stand.
//
// A line in brackets, such as [Verse], begins a section; a line that begins with # is a comment. All others are lyrics.

/** @typedef {"section" | "comment" | "empty" | "lyric"} Kind */

/**
 * @typedef {object} SongSection
 * @property {string} name what stands in the brackets
 * @property {number} header index of the line with the brackets
 * @property {number} from index of the first line of the section
 * @property {number} to index after its last line; empty lines at its end do not count
 */

const SECTION = /^\s*\[([^\]]+)\]\s*$/u;
const COMMENT = /^\s*#/u;

/** @param {string} line @returns {Kind} */
export function kindOf(line) {
  if (!line.trim()) return "empty";
  if (SECTION.test(line)) return "section";
  return COMMENT.test(line) ? "comment" : "lyric";
}

const GRAPHEMES = new Intl.Segmenter("und", { granularity: "grapheme" });
const JOINER = /['’\-\p{M}\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]/u;
const SYLLABLE = /[\p{Lo}〇々]/u;
const LETTER = /[\p{L}\p{N}]/u;
const KEYCAP = "\u20e3";

/** The length of a line, as `zuoci.writing.form` counts it: 1 for a Chinese character, 1 for a word. @param {string} line */
export function countSyllables(line) {
  let count = 0;
  let inWord = false;
  for (const { segment } of GRAPHEMES.segment(line.normalize("NFC"))) {
    const [first] = segment;
    const joins = JOINER.test(first);
    const letter = !joins && !SYLLABLE.test(first) && LETTER.test(first) && !segment.includes(KEYCAP);
    if ((!joins && SYLLABLE.test(first)) || (letter && !inWord)) count++;
    inWord = letter || (joins && inWord);
  }
  return count;
}

/** The name of the section that a line begins, or "". @param {string} line */
export function sectionName(line) {
  return SECTION.exec(line)?.[1].trim() ?? "";
}

/** The sections of a song. @param {string[]} lines @returns {SongSection[]} */
export function sectionsOf(lines) {
  const headers = lines.flatMap((line, i) => (kindOf(line) === "section" ? [i] : []));
  return headers.map((header, n) => {
    let to = headers[n + 1] ?? lines.length;
    while (to > header + 1 && !lines[to - 1].trim()) to--;
    return { name: sectionName(lines[header]), header, from: header + 1, to };
  });
}

/**
 * The lines that a model reads: lyrics, and an empty line between two stanzas. `indices` tells where each stands in the
 * song; −1: it is the empty line that a section's name stands for.
 * @param {string[]} lines
 */
export function sungLines(lines) {
  /** @type {string[]} */
  const texts = [];
  /** @type {number[]} */
  const indices = [];
  lines.forEach((line, i) => {
    const kind = kindOf(line);
    if (kind === "comment") return;
    if (kind !== "lyric" && !texts.at(-1)) return; // neither at the start nor after another
    texts.push(kind === "lyric" ? line : "");
    indices.push(kind === "section" ? -1 : i);
  });
  while (texts.length && !texts.at(-1)) texts.pop();
  return { texts, indices: indices.slice(0, texts.length) };
}

/** The indices of the lyrics among the lines of a song. @param {string[]} lines */
export function lyricIndices(lines) {
  return lines.flatMap((line, i) => (kindOf(line) === "lyric" ? [i] : []));
}
