// What the editor shows beside and on its lines: locks on the left, syllables and rhyme letters on the right, copied spans
// underlined, sections and comments in a style of their own.

import { Decoration, EditorView, GutterMarker, RangeSetBuilder, StateEffect, StateField, gutter } from "../vendor/codemirror.js";
import { icon } from "../shared/icons.js";
import { lineDetails } from "./line-details.js";
import { dragLines } from "./line-drag.js";
import { countSyllables, kindOf } from "./song-text.js";

/** @import {DecorationSet, EditorState, Extension} from "../vendor/codemirror.js" */
/** @import {CheckedText} from "./checked-text.js" */
/** @import {Phrases} from "./types.js" */

/** Something else than the text has changed what is shown beside it. */
export const refreshMarks = StateEffect.define();

/**
 * @param {CheckedText} checked
 * @param {() => Phrases} phrases
 * @returns {Extension}
 */
export function lineMarks(checked, phrases) {
  return [lockGutter(), checkGutter(checked), decorations(checked, phrases)];
}

/** @param {EditorState} state @param {number} position of the start of a line */
function lineAt(state, position) {
  const line = state.doc.lineAt(position);
  return { text: line.text, kind: kindOf(line.text), details: state.field(lineDetails)[line.number - 1] };
}

// Locks

class LockMarker extends GutterMarker {
  /** @param {boolean} locked @param {boolean} lyric */
  constructor(locked, lyric) {
    super();
    this.locked = locked;
    this.lyric = lyric;
  }

  /** @override @param {GutterMarker} other */
  eq(other) {
    return other instanceof LockMarker && other.locked === this.locked && other.lyric === this.lyric;
  }

  /** @override */
  toDOM() {
    const node = document.createElement("span");
    node.className = `line-handle${this.lyric ? " lyric" : ""}${this.locked ? " locked" : ""}`;
    node.append(icon("handle"), ...(this.lyric ? [icon("lock")] : []));
    return node;
  }
}

const LOCK_MARKERS = [false, true].map((lyric) => [false, true].map((locked) => new LockMarker(locked, lyric)));

function lockGutter() {
  return gutter({
    class: "lock-gutter",
    lineMarker(view, block) {
      const { kind, details } = lineAt(view.state, block.from);
      if (kind === "empty") return null;
      return LOCK_MARKERS[Number(kind === "lyric")][Number(details.locked && kind === "lyric")];
    },
    lineMarkerChange: (update) => update.startState.field(lineDetails) !== update.state.field(lineDetails),
    domEventHandlers: { pointerdown: (view, block, event) => dragLines(view, block.from, /** @type {PointerEvent} */ (event)) },
  });
}

// Syllables and rhymes

class CheckMarker extends GutterMarker {
  /** @param {string} syllables @param {string} letter */
  constructor(syllables, letter) {
    super();
    this.syllables = syllables;
    this.letter = letter;
  }

  /** @override @param {GutterMarker} other */
  eq(other) {
    return other instanceof CheckMarker && other.syllables === this.syllables && other.letter === this.letter;
  }

  /** @override */
  toDOM() {
    const node = document.createElement("span");
    const [syllables, letter] = [document.createElement("small"), document.createElement("b")];
    syllables.textContent = this.syllables;
    letter.textContent = this.letter;
    node.append(syllables, letter);
    return node;
  }
}

/** @param {CheckedText} checked */
function checkGutter(checked) {
  return gutter({
    class: "check-gutter",
    side: "after",
    lineMarker(view, block) {
      const { text, kind } = lineAt(view.state, block.from);
      return kind === "lyric" ? new CheckMarker(`${countSyllables(text)}`, checked.letter(text)) : null;
    },
    lineMarkerChange: (update) => update.transactions.some(({ effects }) => effects.some((effect) => effect.is(refreshMarks))),
    initialSpacer: () => new CheckMarker("88", "A"),
  });
}

// Decorations

const LINE_STYLES = { section: Decoration.line({ class: "song-section" }), comment: Decoration.line({ class: "song-comment" }) };

/** @param {CheckedText} checked @param {() => Phrases} phrases */
function decorations(checked, phrases) {
  return StateField.define({
    create: (state) => decorate(state, checked, phrases()),
    update(found, transaction) {
      const stale = transaction.docChanged || transaction.effects.some((effect) => effect.is(refreshMarks));
      return stale ? decorate(transaction.state, checked, phrases()) : found;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** @param {EditorState} state @param {CheckedText} checked @param {Phrases} t @returns {DecorationSet} */
function decorate(state, checked, t) {
  /** @type {RangeSetBuilder<Decoration>} */
  const builder = new RangeSetBuilder();
  for (let number = 1; number <= state.doc.lines; number++) {
    const line = state.doc.line(number);
    const kind = kindOf(line.text);
    if (kind === "section" || kind === "comment") builder.add(line.from, line.from, LINE_STYLES[kind]);
    if (kind !== "lyric") continue;
    let done = 0;
    for (const { start, end, source } of checked.marks(line.text, t.copiedFrom)) {
      const [from, to] = [start, end].map((at) => [...line.text].slice(0, Math.max(at, 0)).join("").length);
      if (to <= Math.max(from, done)) continue;
      const mark = Decoration.mark({ class: "copied", attributes: { title: source } });
      builder.add(line.from + Math.max(from, done), line.from + to, mark);
      done = to;
    }
  }
  return builder.finish();
}
