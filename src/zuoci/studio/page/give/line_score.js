// How good a finished line is beside others in the same place, as zuoci.writing.line_score does it in Python.

import { units } from "./form.js";

/** @import {Constants} from "../shared/types.js" */
/** @import {LineJudge} from "./line_judge.js" */

/**
 * The scores of some lines, in nats: how much a line looks like a person's, how likely it is, how little it repeats.
 * @param {string} before the text before them
 * @param {readonly {text: string, nll: number}[]} lines nll: of the line and its end, in nats, summed
 * @param {Constants} constants
 * @param {LineJudge | null} judge
 */
export function lineScores(before, lines, constants, judge) {
  const lengths = lines.map(({ text }) => [...text].length + 1);
  const total = lines.reduce((sum, { nll }) => sum + nll, 0);
  const mean = total / Math.max(1, lengths.reduce((sum, length) => sum + length, 0));
  const last = before.replace(/\n+$/u, "").split("\n").pop() ?? "";
  const odds = judge ? judge.logOdds(last, lines.map(({ text }) => text)) : [];
  return lines.map(({ text, nll }, i) => {
    const above = nll - lengths[i] * mean;
    return -constants.likelihood * above - repeats(before, text, constants) + (odds[i] ?? 0);
  });
}

/**
 * What a line repeats of itself and of the text before it, in nats; words are counted in alphabetic scripts.
 * @param {string} before
 * @param {string} line
 * @param {Constants} constants
 */
export function repeats(before, line, constants) {
  const { looked_back: most, repeated_pair: ofPair, repeated_unit: ofUnit, earlier_unit: ofEarlier } = constants;
  const earlier = units([...before].slice(-most));
  const pairs = new Set(earlier.slice(1).map((unit, i) => `${earlier[i]} ${unit}`));
  const known = new Set(earlier);
  const seen = new Set();
  let cost = 0;
  let last = "";
  for (const unit of units([...line])) {
    const pair = `${last} ${unit}`;
    cost += (seen.has(unit) ? ofUnit : 0) + (known.has(unit) ? ofEarlier : 0) + (pairs.has(pair) ? ofPair : 0);
    seen.add(unit);
    pairs.add(pair);
    last = unit;
  }
  return cost;
}
