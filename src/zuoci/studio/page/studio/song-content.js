// Songs as the server sends them and as the page holds them, and the merging of two contents of one song.

import { newDetails } from "./line-details.js";
import { merge } from "./merge.js";

/** @import {Author, LineDetails, PackedSong, SongContent} from "./song-types.js" */

/** @param {PackedSong} song @returns {SongContent} */
export function unpack({ text, lines, authors, shelf }) {
  return { text, shelf, lines: lines.map((line) => ({ ...line, by: line.by === null ? null : authors[line.by] })) };
}

/** @param {SongContent} content @returns {PackedSong} */
export function pack({ text, lines, shelf }) {
  /** @type {Map<string, number>} */
  const known = new Map();
  /** @type {Author[]} */
  const authors = [];
  /** @param {Author} author */
  const indexOf = (author) => {
    const key = JSON.stringify(author);
    const index = known.get(key) ?? authors.push(author) - 1;
    known.set(key, index);
    return index;
  };
  return { text, shelf, lines: lines.map((line) => ({ ...line, by: line.by && indexOf(line.by) })), authors };
}

/** Whether two contents are the same. @param {SongContent} a @param {SongContent} b */
export function sameContent(a, b) {
  return a.text === b.text && JSON.stringify([a.lines, a.shelf]) === JSON.stringify([b.lines, b.shelf]);
}

/** A short text that differs for different contents (FNV-1a, in two halves). @param {SongContent} content */
export function digest({ text, lines, shelf }) {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (const char of JSON.stringify([text, lines, shelf])) {
    const code = char.codePointAt(0) ?? 0;
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995);
  }
  return `${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`;
}

/**
 * Merges two contents that came from one.
 * @param {SongContent} base
 * @param {SongContent} mine
 * @param {SongContent} theirs
 * @returns {SongContent | null} null: both changed the same lines
 */
export function mergeContents(base, mine, theirs) {
  const texts = [base, mine, theirs].map(({ text }) => text.split("\n"));
  const { lines, origins, conflict } = merge(texts[0], texts[1], texts[2]);
  if (conflict) return null;
  const all = origins.map(({ source, index }) => (source === "mine" ? mine : theirs).lines[index]);
  const added = theirs.shelf.filter((line) => !base.shelf.includes(line) && !mine.shelf.includes(line));
  const kept = mine.shelf.filter((line) => theirs.shelf.includes(line) || !base.shelf.includes(line));
  return { text: lines.join("\n"), lines: withOwnIds(all), shelf: [...kept, ...added] };
}

/** Gives lines with an id that another one has a new one. @param {LineDetails[]} lines @returns {LineDetails[]} */
function withOwnIds(lines) {
  let free = Math.max(-1, ...lines.map(({ id }) => id)) + 1;
  /** @type {Set<number>} */
  const taken = new Set();
  return lines.map((line) => {
    const own = taken.has(line.id) ? { ...line, id: free++ } : line;
    taken.add(own.id);
    return own;
  });
}

/** The details of lines that nothing is known of, as of a text that the person brought. @param {string} text */
export function detailsOf(text) {
  return text.split("\n").map((line, id) => ({ ...newDetails(id), locked: line.trim() !== "" }));
}
