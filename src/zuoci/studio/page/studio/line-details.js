// What the editor knows of each line besides its text: who wrote it, whether it is locked, and an id that it keeps while
// its text changes. All of it follows the text through every change, and undo brings it back.

import { Annotation, StateEffect, StateField, invertedEffects } from "../vendor/codemirror.js";

/** @import {ChangeSet, EditorState, Text, Transaction} from "../vendor/codemirror.js" */
/** @import {Author, LineDetails} from "./song-types.js" */

/** Says which model a change is by; a change without it is the person's. @type {import("../vendor/codemirror.js").AnnotationType<Author>} */
export const writtenBy = Annotation.define();

/** Sets the details of all lines. @type {import("../vendor/codemirror.js").StateEffectType<LineDetails[]>} */
export const setDetails = StateEffect.define();

/** Locks or unlocks lines. @type {import("../vendor/codemirror.js").StateEffectType<{ids: number[], locked: boolean}>} */
export const setLocked = StateEffect.define();

/** The details of each line, in the order of the lines. @type {StateField<LineDetails[]>} */
export const lineDetails = StateField.define({
  create: (state) => Array.from({ length: state.doc.lines }, (_, id) => newDetails(id)),
  update(details, transaction) {
    const { startState, changes, newDoc } = transaction;
    let next = details;
    if (transaction.docChanged) {
      next = carry(details, startState.doc, changes, newDoc, transaction.annotation(writtenBy) ?? null);
    }
    for (const effect of transaction.effects) {
      if (effect.is(setDetails) && effect.value.length === newDoc.lines) next = effect.value;
      if (!effect.is(setLocked)) continue;
      const { ids, locked } = effect.value;
      next = next.map((line) => (ids.includes(line.id) ? { ...line, locked } : line));
    }
    return next;
  },
});

/** Who made the last change of the text; null: the person. @type {StateField<Author | null>} */
export const lastAuthor = StateField.define({
  create: () => /** @type {Author | null} */ (null),
  update: (author, transaction) => (transaction.docChanged ? (transaction.annotation(writtenBy) ?? null) : author),
});

/** Lets undo and redo bring the details back with the text. */
export const undoableDetails = invertedEffects.of((transaction) => {
  const before = transaction.startState.field(lineDetails);
  return before === transaction.state.field(lineDetails) ? [] : [setDetails.of(before)];
});

/** @param {number} id @returns {LineDetails} */
export const newDetails = (id) => ({ id, locked: false, by: null, time: null });

/**
 * The details of the lines after a change.
 * @param {LineDetails[]} details before it
 * @param {Text} former
 * @param {ChangeSet} changes
 * @param {Text} text
 * @param {Author | null} author who made the change; null: the person, whose lines are locked
 * @returns {LineDetails[]}
 */
export function carry(details, former, changes, text, author) {
  const blocks = changedLines(former, changes, text).map((block) => ({
    ...block,
    olds: linesOf(former, block.from, block.to).map((line, i) => ({ line, details: details[block.from + i] })),
    news: linesOf(text, block.newFrom, block.newTo).map((line) => ({ line, details: /** @type {LineDetails | null} */ (null) })),
  }));
  const all = blocks.map(({ olds }) => olds);
  for (const { news, olds } of blocks) takeEqual(news, [olds]);
  for (const { news } of blocks) takeEqual(news, all); // a line that was moved
  let free = details.reduce((most, { id }) => Math.max(most, id), -1) + 1;
  /** @type {LineDetails[]} */
  const next = [];
  let done = 0; // lines of the former text
  for (const { from, to, olds, news } of blocks) {
    next.push(...details.slice(done, from));
    for (const { line, details: same } of news) {
      next.push(same ?? edited(olds.shift()?.details ?? newDetails(free++), line, author));
    }
    done = to;
  }
  return [...next, ...details.slice(done)];
}

/** The lines that a change touches: indices before and after it. @param {Text} former @param {ChangeSet} changes @param {Text} text */
function changedLines(former, changes, text) {
  /** @type {{from: number, to: number, newFrom: number, newTo: number}[]} */
  const blocks = [];
  changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    const block = {
      from: former.lineAt(fromA).number - 1,
      to: former.lineAt(toA).number,
      newFrom: text.lineAt(fromB).number - 1,
      newTo: text.lineAt(toB).number,
    };
    const last = blocks.at(-1);
    if (last && block.from < last.to) Object.assign(last, { to: block.to, newTo: block.newTo });
    else blocks.push(block);
  });
  return blocks;
}

/** @param {Text} text @param {number} from @param {number} to */
function linesOf(text, from, to) {
  return Array.from({ length: to - from }, (_, i) => text.line(from + i + 1).text);
}

/**
 * Gives new lines the details of equal former ones, which are taken out of their lists.
 * @param {{line: string, details: LineDetails | null}[]} news
 * @param {{line: string, details: LineDetails}[][]} lists
 */
function takeEqual(news, lists) {
  for (const entry of news) {
    if (entry.details || !entry.line) continue;
    for (const olds of lists) {
      const at = olds.findIndex(({ line }) => line === entry.line);
      if (at < 0) continue;
      entry.details = olds.splice(at, 1)[0].details;
      break;
    }
  }
}

/** The details of a line with another text. @param {LineDetails} details @param {string} line @param {Author | null} author */
function edited(details, line, author) {
  const empty = line.trim() === "";
  return { ...details, locked: !empty && (author ? details.locked : true), by: empty ? null : author };
}

/** The index of the line with an id, or −1. @param {EditorState} state @param {number} id */
export function indexOfLine(state, id) {
  return state.field(lineDetails).findIndex((line) => line.id === id);
}

/** Whether a transaction changed the text or what is known of it. @param {Transaction} transaction */
export function changesSong({ docChanged, startState, state }) {
  return docChanged || startState.field(lineDetails) !== state.field(lineDetails);
}
