// How long a training run will still take.

/** @import {RunInfo} from "./types.js" */

/**
 * How long a run will still take, as far as that can be known.
 * @param {Pick<RunInfo, "step" | "steps" | "seconds" | "elapsed">} run
 * @returns {number | null} seconds
 */
export function secondsLeft({ step, steps, seconds, elapsed }) {
  if (!elapsed) return seconds || null;
  if (step && steps) return Math.max(0, (elapsed * (steps - step)) / step);
  return seconds ? Math.max(0, seconds - elapsed) : null;
}
