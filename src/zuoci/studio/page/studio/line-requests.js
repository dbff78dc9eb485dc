// The requests for single lines of a text: which route, with which body. The view "Write" sends them.

import { lineLength, lineSettings } from "./option-values.js";

/** @import {Row} from "../shared/types.js" */

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
