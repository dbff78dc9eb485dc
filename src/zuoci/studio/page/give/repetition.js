// Which characters would complete a loop, as zuoci.writing.repetition finds them in Python.

/** @import {Constants} from "../shared/types.js" */

/**
 * The characters that would make a text end in a loop: a block that occurs more than `max_repeats` times in immediate
 * succession and fills more than `loop_free` characters in this way.
 * @template T
 * @param {readonly T[]} text characters, or their ids
 * @param {Constants} constants
 * @returns {T[]}
 */
export function charactersThatWouldRepeat(text, constants) {
  const { max_repeats: times, loop_block: longest, loop_free: free, loop_suffix: suffix } = constants;
  const n = text.length;
  /** @type {T[]} */
  const found = [];
  if (n < free) return found;
  for (let period = 1; period <= Math.min(longest, n - suffix); period++) {
    if (!periodic(text, period, suffix)) continue;
    const repeated = Math.max(times, Math.floor(free / period)) * period - 1;
    // One more character equal to that one period ago would complete one block more.
    if (n >= repeated + period && periodic(text, period, repeated)) found.push(text[n - period]);
  }
  return found;
}

/**
 * Whether the last characters are those that stand one period before them.
 * @template T
 * @param {readonly T[]} text
 * @param {number} period
 * @param {number} count
 */
function periodic(text, period, count) {
  for (let i = text.length - count; i < text.length; i++) if (text[i] !== text[i - period]) return false;
  return true;
}
