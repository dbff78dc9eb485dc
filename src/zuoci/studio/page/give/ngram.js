// Counts of short character sequences and the probabilities that they give, as zuoci.model.ngram computes them in Python.
//
// The counts are a trie. A node of depth k is a sequence of k characters; its children are the sequences with one more
// character, sorted by it. Nodes of the same depth are numbered in the order of their parents.

/** @typedef {Float32Array | Uint8Array | Uint16Array | Uint32Array} Values */

/**
 * The contexts of one length, the nodes of that depth: where the children of each begin and what each leaves to shorter
 * contexts; and of each child its last character and its share of the rest.
 * @typedef {{starts: Uint32Array, left: Float32Array, chars: Values, shares: Float32Array}} Contexts
 */

export class NGram {
  /** @param {(name: string) => Values} array a part of `NGram.to_arrays` in Python, by its name */
  constructor(array) {
    const discounts = array("discounts");
    this.order = discounts.length / 4;
    this.vocabSize = array("counts.1").length;
    /** @type {Contexts[]} */
    this.contexts = [];
    for (let length = 0; length < this.order; length++) {
      const counts = array(`counts.${length + 1}`);
      const starts = sums(length ? array(`children.${length}`) : [this.vocabSize]);
      const left = length ? Float32Array.from(array(`left.${length}`), (value) => value / 255) : array("left.0");
      const chars = length ? array(`chars.${length + 1}`) : Uint32Array.from(counts, (_, id) => id);
      const shares = sharesOf(counts, discounts.subarray(4 * length, 4 * length + 4), starts);
      this.contexts.push({ starts, left: Float32Array.from(left), chars, shares });
    }
    this.found = new Int32Array(this.order); // for each length of a context its node, −1: nothing was seen after it
  }

  /**
   * Finds the contexts before a character.
   * @param {ArrayLike<number>} recent the characters read last, the last one last; −1 where there is none
   * @param {number} end where they end in `recent`
   * @returns {number} the length of the longest context that was seen
   */
  find(recent, end) {
    let longest = 0;
    for (let length = 1; length < this.order; length++) {
      const node = this.#node(recent, end - length, end);
      const { starts } = this.contexts[length];
      const seen = node >= 0 && starts[node + 1] > starts[node];
      this.found[length] = seen ? node : -1;
      if (seen) longest = length;
    }
    return longest;
  }

  /** The node of a sequence; −1 if there is none. @param {ArrayLike<number>} chars @param {number} at @param {number} end */
  #node(chars, at, end) {
    let node = chars[at];
    for (let depth = 1; node >= 0 && ++at < end; depth++) node = child(this.contexts[depth], node, chars[at]);
    return node;
  }

  /**
   * Adds the probabilities of all characters after the contexts that `find` found: p_c ← p_c + s · p(c | h), but for the
   * part that all characters have alike.
   * @param {Float64Array} p `(V,)`
   * @param {number} scale s
   * @returns {number} that part, of each character
   */
  addTo(p, scale) {
    let rest = scale;
    for (let length = this.order - 1; length >= 0; length--) {
      const node = this.found[length];
      if (node < 0) continue;
      const { starts, left, chars, shares } = this.contexts[length];
      const weight = rest * (1 - left[node]);
      for (let i = starts[node]; i < starts[node + 1]; i++) p[chars[i]] += weight * shares[i];
      rest *= left[node];
    }
    return rest / this.vocabSize;
  }
}

/** 0 and the sums of the first numbers, `(n,)` → `(n + 1,)`. @param {ArrayLike<number>} numbers */
function sums(numbers) {
  const found = new Uint32Array(numbers.length + 1);
  for (let i = 0; i < numbers.length; i++) found[i + 1] = found[i] + numbers[i];
  return found;
}

/**
 * The discounted count of each child as a share of those of all its siblings.
 * @param {Values} counts
 * @param {Values} discounts of the counts 0, 1, 2, and 3 and more
 * @param {Uint32Array} starts
 */
function sharesOf(counts, discounts, starts) {
  const shares = Float32Array.from(counts, (count) => count - discounts[Math.min(count, 3)]);
  for (let node = 0; node + 1 < starts.length; node++) {
    const siblings = shares.subarray(starts[node], starts[node + 1]);
    const total = Math.max(siblings.reduce((sum, a) => sum + a, 0), 1e-9);
    for (let i = 0; i < siblings.length; i++) siblings[i] /= total;
  }
  return shares;
}

/**
 * The child of a node with a last character (binary search); −1 if there is none.
 * @param {Contexts} contexts
 * @param {number} node
 * @param {number} char
 */
function child({ starts, chars }, node, char) {
  let low = starts[node];
  let high = starts[node + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chars[middle] < char) low = middle + 1;
    else high = middle;
  }
  return low < starts[node + 1] && chars[low] === char ? low : -1;
}
