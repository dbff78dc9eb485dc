// Lines to choose from, listed under the line that they are for. The cursor stays in the editor: the arrow keys choose
// one, Enter takes it, ← and → ask for lines of another kind.

import { Decoration, EditorView, Prec, StateEffect, StateField, WidgetType, keymap } from "../vendor/codemirror.js";
import { button, element } from "../shared/dom.js";
import { indexOfLine } from "./line-details.js";

/** @import {EditorState, Extension} from "../vendor/codemirror.js" */
/** @import {Phrases} from "./types.js" */
/** @import {CandidateList, CandidateMode, ListActions} from "./write-types.js" */

/** Opens, changes or (null) closes the list. @type {import("../vendor/codemirror.js").StateEffectType<CandidateList | null>} */
export const setList = StateEffect.define();

/** @type {StateField<CandidateList | null>} */
const listField = StateField.define({
  create: () => /** @type {CandidateList | null} */ (null),
  update(list, transaction) {
    const given = transaction.effects.filter((effect) => effect.is(setList));
    if (given.length) return /** @type {CandidateList | null} */ (given.at(-1)?.value ?? null);
    if (!list || !(transaction.docChanged || transaction.selection)) return list;
    const { state } = transaction;
    const stays = state.doc.lineAt(state.selection.main.head).number - 1 === indexOfLine(state, list.line);
    return stays && !transaction.docChanged ? list : null;
  },
});

/** The list that is open. @param {EditorState} state */
export const openList = (state) => state.field(listField);

/** @param {ListActions} actions @param {() => Phrases} phrases @returns {Extension} */
export function candidateList(actions, phrases) {
  const widgets = EditorView.decorations.compute([listField, "doc"], (state) => {
    const list = state.field(listField);
    const index = list ? indexOfLine(state, list.line) : -1;
    if (!list || index < 0) return Decoration.none;
    const widget = new ListWidget(list, actions, phrases());
    return Decoration.set(Decoration.widget({ widget, block: true, side: 1 }).range(state.doc.line(index + 1).to));
  });
  return [listField, widgets, Prec.highest(keymap.of(keys(actions)))];
}

/** @param {ListActions} actions @returns {import("../vendor/codemirror.js").KeyBinding[]} */
function keys(actions) {
  /** @param {(view: EditorView, list: CandidateList) => void} work */
  const whileOpen = (work) => (/** @type {EditorView} */ view) => {
    const list = openList(view.state);
    if (list) work(view, list);
    return list !== null;
  };
  /** @param {number} step */
  const select = (step) => whileOpen((view, list) => selectCandidate(view, list, step, actions));
  /** @param {number} step */
  const turn = (step) => whileOpen((_, { mode, modes }) => actions.mode(modes[(modes.indexOf(mode) + step + modes.length) % modes.length]));
  return [
    { key: "ArrowDown", run: select(1) },
    { key: "ArrowUp", run: select(-1) },
    { key: "ArrowRight", run: turn(1) },
    { key: "ArrowLeft", run: turn(-1) },
    { key: "Enter", run: whileOpen((_, { items, selected }) => items?.[selected] && actions.take(items[selected].text)) },
    { key: "Escape", run: whileOpen((view) => closeList(view)) },
  ];
}

/** @param {EditorView} view @param {CandidateList} list @param {number} step @param {ListActions} actions */
function selectCandidate(view, list, step, actions) {
  const count = list.items?.length ?? 0;
  if (!count) return;
  const selected = (list.selected + step + count) % count;
  view.dispatch({ effects: setList.of({ ...list, selected }) });
  actions.selected(list.items?.[selected].text ?? "");
}

/** @param {EditorView} view */
export function closeList(view) {
  view.dispatch({ effects: setList.of(null) });
}

class ListWidget extends WidgetType {
  /** @param {CandidateList} list @param {ListActions} actions @param {Phrases} t */
  constructor(list, actions, t) {
    super();
    this.list = list;
    this.actions = actions;
    this.t = t;
  }

  /** @override @param {ListWidget} other */
  eq(other) {
    return other.list === this.list && other.t === this.t;
  }

  /** @override */
  ignoreEvent() {
    return true;
  }

  /** @override @param {EditorView} view */
  toDOM(view) {
    const { list, actions, t } = this;
    const modes = list.modes.map((mode) => this.#mode(mode));
    const items = (list.items ?? []).map((item, i) => this.#item(item, i));
    const note = list.note || (list.items ? "" : t.searching);
    const more = tool(t.otherCandidates, () => actions.mode(list.mode));
    const close = tool(t.closeList, () => {
      closeList(view);
      view.focus();
    });
    const box = element(
      "div",
      { className: "candidates" },
      element("div", { className: "modes", role: "group", ariaLabel: t.candidateKinds }, ...modes),
      ...(items.length ? [element("ul", { ariaLabel: t.candidates }, ...items)] : []),
      ...(note ? [element("p", { className: "help", textContent: note })] : []),
      element("div", { className: "tools" }, more, close),
    );
    const widget = element("div", { className: "candidates-box", contentEditable: "false" }, box);
    widget.addEventListener("mousedown", (event) => event.preventDefault()); // the editor keeps the focus
    return widget;
  }

  /** @param {CandidateMode} mode */
  #mode(mode) {
    const node = tool(this.t.candidateModes[mode], () => this.actions.mode(mode), "chip");
    node.ariaPressed = `${mode === this.list.mode}`;
    return node;
  }

  /** @param {{text: string, note?: string}} item @param {number} i */
  #item({ text, note }, i) {
    const take = tool("", () => this.actions.take(text), "take");
    take.append(element("span", { textContent: text }), ...(note ? [element("small", { textContent: note })] : []));
    const liked = this.actions.isLiked(text);
    const like = tool(liked ? "♥" : "♡", () => this.actions.like(text), "quiet like");
    like.ariaLabel = this.t.like(text);
    like.ariaPressed = `${liked}`;
    const row = element("li", {}, take, like);
    row.classList.toggle("selected", i === this.list.selected);
    return row;
  }
}

/** A button that the Tab key passes over: the editor has keys for it. @param {string} text @param {() => void} onClick @param {string} [className] */
function tool(text, onClick, className = "quiet") {
  const node = button(text, onClick, className);
  node.tabIndex = -1;
  return node;
}
