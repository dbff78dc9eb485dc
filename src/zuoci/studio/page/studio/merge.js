// Two changes of one text, line by line, made into one where they do not touch the same lines.

/** @typedef {{source: "mine" | "theirs", index: number}} Origin where a line of the result stands */

const MINE = "mine";
const THEIRS = "theirs";

/**
 * Merges two texts that came from one.
 * @param {string[]} base
 * @param {string[]} mine
 * @param {string[]} theirs
 * @returns {{lines: string[], origins: Origin[], conflict: boolean}} `conflict`: both changed the same lines
 */
export function merge(base, mine, theirs) {
  const inMine = commonLines(base, mine);
  const inTheirs = commonLines(base, theirs);
  /** @type {Origin[]} */
  const origins = [];
  let conflict = false;
  let [at, m, t] = [0, 0, 0]; // how far each text is merged
  for (let k = 0; k <= base.length; k++) {
    const end = k === base.length;
    const nextMine = end ? mine.length : inMine[k];
    const nextTheirs = end ? theirs.length : inTheirs[k];
    if (nextMine < 0 || nextTheirs < 0) continue;
    const parts = { old: base.slice(at, k), mine: mine.slice(m, nextMine), theirs: theirs.slice(t, nextTheirs) };
    const chosen = choose(parts);
    if (!chosen) conflict = true;
    origins.push(...(chosen ?? parts.mine.map(() => MINE)).map((source, i) => ({ source, index: (source === MINE ? m : t) + i })));
    if (!end) origins.push({ source: "mine", index: nextMine });
    [at, m, t] = [k + 1, nextMine + 1, nextTheirs + 1];
  }
  const lines = origins.map(({ source, index }) => (source === "mine" ? mine : theirs)[index]);
  return { lines, origins, conflict };
}

/**
 * For each line of the result whose it is, or null if both changed the same lines.
 * @param {{old: string[], mine: string[], theirs: string[]}} parts of the three texts, without a line in common
 * @returns {Origin["source"][] | null}
 */
function choose({ old, mine, theirs }) {
  if (same(old, theirs) || same(mine, theirs)) return mine.map(() => MINE);
  if (same(old, mine)) return theirs.map(() => THEIRS);
  if (old.length !== mine.length || old.length !== theirs.length) return null;
  const clash = old.some((line, i) => line !== mine[i] && line !== theirs[i] && mine[i] !== theirs[i]);
  return clash ? null : old.map((line, i) => (line === mine[i] ? THEIRS : MINE));
}

/** @param {string[]} a @param {string[]} b */
function same(a, b) {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

/**
 * For each line of a text, its index in another one by their longest common subsequence, or −1.
 * @param {string[]} a
 * @param {string[]} b
 * @returns {number[]}
 */
export function commonLines(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const found = a.map((_, i) => (i < start ? i : i >= a.length - end ? i - a.length + b.length : -1));
  const rows = a.slice(start, a.length - end);
  const columns = b.slice(start, b.length - end);
  const width = columns.length + 1;
  const lengths = new Uint16Array((rows.length + 1) * width); // of what the rests have in common
  for (let i = rows.length - 1; i >= 0; i--) {
    for (let j = columns.length - 1; j >= 0; j--) {
      const at = i * width + j;
      const both = lengths[at + width + 1] + 1;
      lengths[at] = rows[i] === columns[j] ? both : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  for (let i = 0, j = 0; i < rows.length && j < columns.length; ) {
    if (rows[i] === columns[j]) found[start + i++] = start + j++;
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i++;
    else j++;
  }
  return found;
}
