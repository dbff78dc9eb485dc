// The requests for single lines of a text: which route, with which body. The view "Write" sends them.

import { lineLength, lineSettings } from "./option-values.js";
import { countSyllables } from "./song-text.js";

/** @import {Row} from "../shared/types.js" */
/** @import {CandidateMode} from "./write-types.js" */

/** @typedef {{route: string, body: Record<string, any>}} LineRequest */

/** Settings that describe the form of a whole text and apply to its next line too. */
const FORM_SETTINGS = ["rhyme", "line_length", "acrostic", "line_opening"];

/** How lines must begin. @param {Record<string, any>} values */
function openings({ acrostic, line_opening }) {
  return { ...(acrostic && { acrostic }), ...(line_opening?.length && { line_opening }) };
}

/**
 * The request for other lines in place of one that stands.
 * @param {string} text
 * @param {number} number of the line, from 1, empty ones not counted
 * @param {Record<string, any>} values the settings
 * @param {number} count lines to return
 */
export function rewriteRequest(text, number, values, count) {
  const length = lineLength(values, number - 1);
  const form = { ...openings(values), ...(length && { line_length: length }) };
  return { route: "rewrite", body: { ...lineSettings(values), ...form, text, line: number, count } };
}

/**
 * The request for a line of a text that is written again around locked lines. It rhymes with the lines before it, or
 * with the first locked line after it that has the same letter in the same round of the scheme.
 * @param {Row[]} rows those with text
 * @param {number} n the row to write
 * @param {Record<string, any>} values the settings
 * @param {number} lines of the whole text
 * @param {number} count lines to return
 */
export function redraftRequest(rows, n, values, lines, count) {
  const texts = rows.map(({ text }) => text);
  const partner = lockedPartner(rows, n, values.rhyme ?? "");
  if (partner) {
    // With its partner's text in its own place, the server gives the line the partner's rhyme.
    return rewriteRequest(texts.with(n, partner.text).join("\n"), n + 1, values, count);
  }
  const form = Object.fromEntries(FORM_SETTINGS.filter((name) => name in values).map((name) => [name, values[name]]));
  const after = rows[n + 1]?.locked ? texts[n + 1] : "";
  const text = texts.slice(0, n).join("\n");
  return { route: "candidates", body: { ...lineSettings(values), ...form, lines, text, after, count } };
}

/**
 * The requests for lines of a kind, in the place of one line of a song. If the first one finds nothing, the next one,
 * which asks for less, is sent.
 * @param {CandidateMode} mode
 * @param {{rows: Row[], n: number, text: string}} place `rows`: the lines of the song that are sung; `n`: the row; `text`: the
 *   song as a model reads it, with its stanzas
 * @param {Record<string, any>} values the settings
 * @param {number} count lines to return
 * @returns {LineRequest[]}
 */
export function placeRequests(mode, { rows, n, text }, values, count) {
  const fixed = rows.map((row, k) => ({ ...row, locked: k !== n }));
  if (mode === "fill") return [redraftRequest(fixed, n, values, Math.max(values.lines ?? 0, rows.length), count)];
  if (mode === "complete") return completions(fixed, n, values, count);
  const { route, body } = rewriteRequest(text, n + 1, values, count);
  const syllables = countSyllables(rows[n].text);
  const step = syllables > 5 ? 2 : 1;
  const changes = {
    replace: {},
    alike: { line_opening: [`${n + 1}=${firstHalf(rows[n].text)}`] },
    shorter: { line_length: `${Math.max(syllables - step, 1)}` },
    longer: { line_length: `${syllables + step}` },
    rhyme: { rhyme: "X" },
  };
  return [{ route, body: { ...body, ...changes[mode] } }];
}

/**
 * The requests for the rest of a line that has begun: in the form of the song, as long as its other lines and without
 * rhyme, and then in any form.
 * @param {Row[]} rows
 * @param {number} n
 * @param {Record<string, any>} values
 * @param {number} count
 * @returns {LineRequest[]}
 */
function completions(rows, n, values, count) {
  const begun = `${n + 1}=${rows[n].text.trim()}`;
  const others = (values.line_opening ?? []).filter((/** @type {string} */ one) => !one.startsWith(`${n + 1}=`));
  const lines = Math.max(values.lines ?? 0, n + 1);
  const length = lineLength(values, n) || typicalLength(rows, n);
  const formed = { ...values, line_opening: [...others, begun], ...(length && !values.line_length && { line_length: length }) };
  const text = rows.slice(0, n).map((row) => row.text).join("\n");
  const free = { ...lineSettings(values), lines, line_opening: [begun], text, after: rows[n + 1]?.text ?? "", count };
  return [
    redraftRequest(rows, n, formed, lines, count),
    { route: "candidates", body: { ...free, ...(length && { line_length: length }) } },
    { route: "candidates", body: free },
  ];
}

/** The length of the line that is nearest to a row and longer than it, or "". @param {Row[]} rows @param {number} n */
function typicalLength(rows, n) {
  const least = countSyllables(rows[n].text);
  const longer = rows.flatMap(({ text }, k) => (countSyllables(text) > least ? [{ text, distance: Math.abs(k - n) }] : []));
  const [nearest] = longer.toSorted((a, b) => a.distance - b.distance);
  return nearest ? `${countSyllables(nearest.text)}` : "";
}

/** The first half of a line, in whole words. @param {string} line */
export function firstHalf(line) {
  const words = line.trim().split(/(?<=\s)/u);
  if (words.length > 2) return words.slice(0, Math.ceil(words.length / 2)).join("").trim();
  const characters = [...line.trim()];
  return characters.slice(0, Math.ceil(characters.length / 2)).join("");
}

/** @param {Row[]} rows @param {number} n @param {string} rhyme a scheme, such as AABB */
function lockedPartner(rows, n, rhyme) {
  const scheme = [...rhyme].filter((mark) => !/[\s,|]/u.test(mark));
  const letter = scheme[n % scheme.length];
  if (!letter || /[X-]/iu.test(letter)) return undefined;
  /** @param {number} k */
  const round = (k) => Math.floor(k / scheme.length);
  return rows.find(
    (row, k) => k > n && row.locked && scheme[k % scheme.length] === letter && round(k) === round(n),
  );
}
