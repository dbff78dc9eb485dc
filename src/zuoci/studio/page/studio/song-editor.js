// The editor of a song: CodeMirror with what lyrics need. `WriteView` tells it what to show and what models write.

import {
  EditorState,
  EditorView,
  StateEffect,
  Transaction,
  defaultKeymap,
  drawSelection,
  history,
  historyField,
  historyKeymap,
  keymap,
  openSearchPanel,
  placeholder,
  redo,
  redoDepth,
  search,
  searchKeymap,
  undo,
  undoDepth,
} from "../vendor/codemirror.js";
import { candidateList } from "./candidate-list.js";
import { choruses, fromElsewhere, repeatSection } from "./choruses.js";
import { changesSong, indexOfLine, lastAuthor, lineDetails, setDetails, undoableDetails, writtenBy } from "./line-details.js";
import { lineMarks, refreshMarks } from "./line-marks.js";

/** @import {ChangeSpec, Extension, ViewUpdate} from "../vendor/codemirror.js" */
/** @import {Author, SongContent} from "./song-types.js" */
/** @import {EditorPage} from "./write-types.js" */

const SAVED_FIELDS = { history: historyField };
const TYPING_GROUP = 500; // milliseconds between two changes that are undone together

export class SongEditor {
  /**
   * @param {HTMLElement} parent
   * @param {EditorPage} page
   */
  constructor(parent, page) {
    this.page = page;
    this.lastChange = 0; // when the text was last changed
    this.view = new EditorView({ parent, state: this.#newState("") });
  }

  /** @returns {Extension[]} */
  #extensions() {
    const { page } = this;
    const t = page.phrases();
    return [
      lineDetails,
      undoableDetails,
      // One undo takes back all that a model has written in one go, and all that was typed without a pause.
      history({ newGroupDelay: Number.MAX_SAFE_INTEGER, joinToEvent: (transaction, adjacent) => this.#joins(transaction, adjacent) }),
      choruses,
      drawSelection(),
      search({ top: true }),
      placeholder(t.blank),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": t.lines, spellcheck: "false", autocapitalize: "sentences" }),
      EditorState.phrases.of(t.searchPhrases),
      lineMarks(page.checked, page.phrases),
      candidateList(page.list, page.phrases),
      keymap.of([...this.#keys(), ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.updateListener.of((update) => this.#updated(update)),
    ];
  }

  #keys() {
    const { keys } = this.page;
    const own = Object.entries(keys).map(([key, run]) => ({ key, run: () => (run(), true), preventDefault: true }));
    return [...own, { key: "Enter", run: () => this.repeatSection() }];
  }

  /** Brings the lines of a chorus that is sung again, if the cursor stands behind its name. */
  repeatSection() {
    const change = repeatSection(this.view.state);
    if (change) {
      this.view.dispatch(change);
      this.page.notify("repeated");
    }
    return change !== null;
  }

  /** @param {Transaction} transaction @param {boolean} adjacent */
  #joins(transaction, adjacent) {
    const time = transaction.annotation(Transaction.time) ?? 0;
    const former = transaction.startState.field(lastAuthor, false);
    const author = transaction.annotation(writtenBy) ?? null;
    return author ? author === former : !former && adjacent && time - this.lastChange < TYPING_GROUP;
  }

  /** @param {ViewUpdate} update */
  #updated(update) {
    const changed = update.transactions.some(changesSong);
    if (update.docChanged) this.lastChange = Date.now();
    const elsewhere = update.transactions.some((transaction) => transaction.annotation(fromElsewhere));
    const byPerson = !update.transactions.some((transaction) => transaction.annotation(writtenBy));
    this.page.updated({ changed, elsewhere, moved: update.selectionSet, byPerson });
  }

  /** @param {string} doc */
  #newState(doc) {
    return EditorState.create({ doc, extensions: [this.#extensions(), lastAuthor] });
  }

  // The song

  get text() {
    return this.view.state.doc.toString();
  }

  get lines() {
    return this.text.split("\n");
  }

  get details() {
    return this.view.state.field(lineDetails);
  }

  /** Index of the line with the cursor. */
  get current() {
    return this.view.state.doc.lineAt(this.view.state.selection.main.head).number - 1;
  }

  /** Whether the cursor stands behind the text of its line, and nothing is selected. */
  get atLineEnd() {
    const { doc, selection } = this.view.state;
    return selection.main.empty && selection.main.head === doc.lineAt(selection.main.head).to;
  }

  get canUndo() {
    return undoDepth(this.view.state) > 0;
  }

  get canRedo() {
    return redoDepth(this.view.state) > 0;
  }

  /** Shows another song. @param {Omit<SongContent, "shelf">} content @param {unknown} [past] what `past` returned */
  open({ text, lines }, past) {
    this.view.setState(this.#restored(text, past) ?? this.#newState(text));
    this.view.dispatch({ effects: setDetails.of(lines), annotations: [Transaction.addToHistory.of(false), fromElsewhere.of(true)] });
  }

  /** @param {string} text @param {any} past */
  #restored(text, past) {
    if (past?.text !== text) return null;
    try {
      return EditorState.fromJSON(past.state, { extensions: [this.#extensions(), lastAuthor] }, SAVED_FIELDS);
    } catch {
      return null; // it is of another version
    }
  }

  /** The history for undo, to be given to `open` later. */
  past() {
    return { text: this.text, state: this.view.state.toJSON(SAVED_FIELDS) };
  }

  /** Shows what came from elsewhere in place of the text. @param {Omit<SongContent, "shelf">} content */
  replace({ text, lines }) {
    const { text: former } = this;
    const most = Math.min(text.length, former.length);
    let from = 0;
    while (from < most && text[from] === former[from]) from++;
    let end = 0;
    while (end < most - from && text.at(-1 - end) === former.at(-1 - end)) end++;
    const changes = { from, to: former.length - end, insert: text.slice(from, text.length - end) };
    this.view.dispatch({
      changes: text === former ? [] : changes,
      effects: setDetails.of(lines),
      annotations: [Transaction.addToHistory.of(false), fromElsewhere.of(true)],
    });
  }

  // What models write

  /** @param {ChangeSpec} changes @param {Author} author */
  write(changes, author) {
    this.view.dispatch({ changes, annotations: writtenBy.of(author) });
  }

  /** Takes away what a model has left behind; if the person has changed something since, undo does not bring it back. @param {ChangeSpec} changes @param {Author} author */
  sweep(changes, author) {
    const undoable = this.view.state.field(lastAuthor) === author;
    this.view.dispatch({ changes, annotations: [writtenBy.of(author), Transaction.addToHistory.of(undoable)] });
  }

  /** Replaces the line with an id, if it is still there. @param {number} id @param {string} text @param {Author} author */
  writeLine(id, text, author) {
    const index = indexOfLine(this.view.state, id);
    if (index < 0) return;
    const { from, to } = this.view.state.doc.line(index + 1);
    this.write({ from, to, insert: text }, author);
  }

  /** Changes the text as if the person had typed it. @param {ChangeSpec} changes @param {number} [cursor] index of a line */
  type(changes, cursor) {
    this.view.dispatch({ changes, userEvent: "input" });
    if (cursor !== undefined) this.moveTo(cursor);
  }

  /** Puts the cursor behind a line. @param {number} index */
  moveTo(index) {
    const { doc } = this.view.state;
    const line = doc.line(Math.min(index + 1, doc.lines));
    this.view.dispatch({ selection: { anchor: line.to }, scrollIntoView: true });
  }

  /** @param {"undo" | "redo" | "find"} command */
  run(command) {
    ({ undo, redo, find: openSearchPanel })[command](this.view);
  }

  /** What is shown beside the lines has changed. */
  refresh() {
    this.view.dispatch({ effects: refreshMarks.of(null) });
  }

  /** The language has changed. */
  showPhrases() {
    this.view.dispatch({ effects: StateEffect.reconfigure.of([this.#extensions(), lastAuthor]) });
    this.refresh();
  }

  focus() {
    this.view.focus();
  }
}
