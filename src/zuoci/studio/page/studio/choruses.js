// Choruses that are sung again: as long as two of one name have the same lines, a change of one changes the other, too; and
// a chorus that is named again gets the lines of the first.

import { Annotation, EditorState } from "../vendor/codemirror.js";
import { sectionName, sectionsOf } from "./song-text.js";

/** @import {ChangeSet, Text, TransactionSpec} from "../vendor/codemirror.js" */

const CHORUS = /chorus|refrain|hook|副歌/iu;

/** Marks a change that came from elsewhere, whole: nothing is to be repeated for it. */
export const fromElsewhere = Annotation.define();

export const choruses = EditorState.transactionFilter.of((transaction) => {
  const whole = transaction.isUserEvent("undo") || transaction.isUserEvent("redo");
  if (!transaction.docChanged || whole || transaction.annotation(fromElsewhere)) return transaction;
  const changes = repeatedChanges(transaction.startState.doc, transaction.changes);
  return changes.length ? [transaction, { changes }] : transaction;
});

/**
 * The changes that keep repeated sections in step.
 * @param {Text} doc
 * @param {ChangeSet} changes
 */
export function repeatedChanges(doc, changes) {
  const sections = sectionRanges(doc);
  /** @type {{from: number, to: number, insert: Text}[]} */
  const repeated = [];
  /** @type {Set<number>} */
  const touched = new Set();
  /** @type {{section: number, from: number, to: number, insert: Text}[]} */
  const inside = [];
  changes.iterChanges((from, to, _, __, insert) => {
    sections.forEach((section, n) => {
      if (to < section.from || from > section.to) return;
      touched.add(n);
      const below = from === section.to && insert.lines > 1; // new lines under a section may begin another one
      if (from >= section.from && to <= section.to && !below) inside.push({ section: n, from, to, insert });
    });
  }, true);
  for (const { section, from, to, insert } of inside) {
    const own = sections[section];
    sections.forEach((other, n) => {
      if (touched.has(n) || other.name !== own.name || other.body !== own.body) return;
      const shift = other.from - own.from;
      repeated.push({ from: from + shift, to: to + shift, insert });
    });
  }
  return repeated;
}

/** The choruses of a text that have lines, as ranges of characters. @param {Text} doc */
function sectionRanges(doc) {
  const filled = sectionsOf(doc.toString().split("\n")).filter(({ name, from, to }) => CHORUS.test(name) && to > from);
  return filled.map(({ name, from, to }) => {
    const start = doc.line(from + 1).from;
    const end = doc.line(to).to;
    return { name, from: start, to: end, body: doc.sliceString(start, end) };
  });
}

/**
 * The change that fills a chorus that is named again, if the cursor stands behind its name and it has no lines yet.
 * @param {EditorState} state
 * @returns {TransactionSpec | null}
 */
export function repeatSection({ doc, selection }) {
  const { head, empty } = selection.main;
  const line = doc.lineAt(head);
  if (!empty || head !== line.to || !CHORUS.test(sectionName(line.text))) return null;
  const lines = doc.toString().split("\n");
  const sections = sectionsOf(lines);
  const here = sections.find(({ header }) => header === line.number - 1);
  const name = sectionName(line.text);
  const first = sections.find((section) => section.name === name && section.to > section.from);
  if (!here || !first || here.to > here.from) return null;
  const insert = `\n${lines.slice(first.from, first.to).join("\n")}\n`;
  return { changes: { from: head, insert }, selection: { anchor: head + insert.length }, userEvent: "input" };
}
