// Where words that must appear go: a draft without them → plans of lines that hold them. As zuoci.writing.placement does
// it in Python.

import { LETTER, units } from "./form.js";
import { ROWS, step } from "./particles.js";
import { nll } from "./sampling.js";

/** @import {LinePlan} from "./line_state.js" */
/** @import {Model} from "./model.js" */
/** @import {Floats} from "./multiply.js" */
/** @import {Rules} from "./particles.js" */

/**
 * A text so far.
 * @typedef {object} Context
 * @property {Floats} state
 * @property {number} last its last character, which the state has not read yet
 */

/** A line of a draft: the text before it, its ids, and its plan; null: it stays as it is. @typedef {{before: Context, ids: readonly number[], plan: LinePlan | null}} DraftLine */

/** A place within the draft, where some syllables stand before the word. @typedef {{context: Context, line: number, offset: number}} Spot */

/**
 * Fixes each word where the model finds it most likely in a draft, by its nll per character; long words first.
 * @param {Rules} rules
 * @param {readonly DraftLine[]} draft
 * @param {readonly string[]} words of known characters
 * @returns {Generator<void, {plans: (LinePlan | null)[], unplaced: string[]}>} unplaced: words for which no line has room
 */
export function* placeWords(rules, draft, words) {
  const { vocabulary, kinds } = rules.alphabet;
  const plans = draft.map(({ plan }) => plan);
  const spots = yield* spotsOf(rules, draft);
  /** @type {string[]} */
  const unplaced = [];
  for (const word of words.toSorted((a, b) => lengthOf(b) - lengthOf(a))) {
    const { ids } = vocabulary.adapt(word);
    const startsWithLetter = kinds[ids[0]] === LETTER;
    const free = spots.filter(({ context, line, offset }) => {
      const plan = plans[line];
      const withinWord = startsWithLetter && kinds[context.last] === LETTER;
      return plan && !withinWord && hasRoom(plan, offset, word, (fixed) => lengthOf(vocabulary.decode(fixed)));
    });
    if (!free.length) {
      unplaced.push(word);
      continue;
    }
    const costs = yield* costsOf(rules.model, free.map(({ context }) => context), ids);
    const { line, offset } = free[costs.indexOf(Math.min(...costs))];
    const plan = /** @type {LinePlan} */ (plans[line]);
    /** @type {(typeof plan.fixed)[number]} */
    const added = [offset, ids];
    plans[line] = { ...plan, fixed: [...plan.fixed, added].toSorted(([a], [b]) => a - b) };
  }
  return { plans, unplaced };
}

/** @param {string} text */
function lengthOf(text) {
  return units([...text]).length;
}

/**
 * Whether a word can stand in a line after `offset` syllables. It must not overlap a fixed text, nor come before one that
 * begins the line, nor run over a gap, and a rhymed line must go on after it.
 * @param {LinePlan} plan
 * @param {number} offset
 * @param {string} word
 * @param {(ids: readonly number[]) => number} count the syllables of a fixed text
 */
function hasRoom({ length, gaps, fixed, rhyme }, offset, word, count) {
  const end = offset + lengthOf(word);
  if (length && end + Number(Boolean(rhyme)) > length) return false;
  if (gaps.some((gap) => offset < gap && gap < end)) return false;
  return fixed.every(([start, ids]) => (end <= start && start > 0) || start + count(ids) <= offset);
}

/**
 * The places before and after each character of a draft, but in lines that stay as they are.
 * @param {Rules} rules
 * @param {readonly DraftLine[]} draft
 * @returns {Generator<void, Spot[]>}
 */
function* spotsOf({ model, alphabet }, draft) {
  /** @type {Spot[]} */
  const spots = [];
  let open = draft.flatMap(({ before, plan }, line) => (plan ? [{ context: before, line, offset: 0 }] : []));
  for (let n = 0; open.length; n++) {
    spots.push(...open);
    const going = open.filter(({ line }) => n < draft[line].ids.length);
    const { states } = yield* stepAll(model, going.map(({ context }) => context));
    open = going.map(({ line }, k) => {
      const { ids } = draft[line];
      const offset = lengthOf(alphabet.vocabulary.decode(ids.slice(0, n + 1)));
      return { context: { state: states[k], last: ids[n] }, line, offset };
    });
  }
  return spots.toSorted((a, b) => a.line - b.line || a.offset - b.offset);
}

/**
 * The nll of a text after each of some others, in nats.
 * @param {Model} model
 * @param {readonly Context[]} contexts
 * @param {readonly number[]} ids
 * @returns {Generator<void, number[]>}
 */
function* costsOf(model, contexts, ids) {
  const costs = contexts.map(() => 0);
  for (const id of ids) {
    const { states, nlls } = yield* stepAll(model, contexts, id);
    contexts = states.map((state) => ({ state, last: id }));
    nlls.forEach((cost, k) => (costs[k] += cost));
  }
  return costs;
}

/**
 * One step after each of some texts.
 * @param {Model} model
 * @param {readonly Context[]} contexts
 * @param {number} [id] what comes next
 * @returns {Generator<void, {states: Floats[], nlls: number[]}>} nlls: of that character
 */
function* stepAll(model, contexts, id) {
  /** @type {Floats[]} */
  const states = [];
  /** @type {number[]} */
  const nlls = [];
  for (let i = 0; i < contexts.length; i += ROWS) {
    const { logits, states: some } = step(model, contexts.slice(i, i + ROWS));
    states.push(...some);
    const V = model.vocabSize;
    if (id !== undefined) some.forEach((_, k) => nlls.push(nll(logits.subarray(k * V, (k + 1) * V), id)));
    yield;
  }
  return { states, nlls };
}
