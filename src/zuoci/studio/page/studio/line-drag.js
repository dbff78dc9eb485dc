// The handle beside a line: a click locks or unlocks the line, dragging moves it.

import { lineDetails, setLocked } from "./line-details.js";
import { kindOf } from "./song-text.js";

/** @import {ChangeSpec, EditorState, EditorView, Text} from "../vendor/codemirror.js" */

const CLICK = 6; // pixels that a pointer may move without dragging

/**
 * Follows a pointer that was pressed on the handle of a line.
 * @param {EditorView} view
 * @param {number} position in the line
 * @param {PointerEvent} event
 */
export function dragLines(view, position, event) {
  if (event.button !== 0) return false;
  event.preventDefault(); // the editor keeps the focus
  const number = view.state.doc.lineAt(position).number;
  const { doc } = view.state;
  const mark = document.createElement("div");
  mark.className = "drop-mark";
  let target = number; // the line is to stand before this one
  let dragged = false;
  /** @param {PointerEvent} now */
  const move = (now) => {
    dragged ||= Math.abs(now.clientY - event.clientY) > CLICK;
    if (!dragged) return;
    if (!mark.isConnected) view.scrollDOM.append(mark);
    target = dropTarget(view, now.clientY);
    const edge = target > doc.lines ? view.lineBlockAt(doc.length).bottom : view.lineBlockAt(doc.line(target).from).top;
    mark.style.top = `${edge + view.documentTop - view.scrollDOM.getBoundingClientRect().top + view.scrollDOM.scrollTop}px`;
  };
  /** @param {PointerEvent} now */
  const end = (now) => {
    for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, /** @type {EventListener} */ (listener));
    mark.remove();
    if (now.type !== "pointerup" || view.state.doc !== doc) return;
    if (dragged) moveLine(view, number, target);
    else toggleLock(view, [number - 1]);
  };
  const listeners = { pointermove: move, pointerup: end, pointercancel: end };
  for (const [name, listener] of Object.entries(listeners)) addEventListener(name, /** @type {EventListener} */ (listener));
  return true;
}

/** The number of the line before which something is dropped. @param {EditorView} view @param {number} clientY */
function dropTarget(view, clientY) {
  const height = clientY - view.documentTop;
  const block = view.lineBlockAtHeight(height);
  const { number } = view.state.doc.lineAt(block.from);
  return height > (block.top + block.bottom) / 2 ? number + 1 : number;
}

/**
 * Moves a line before another.
 * @param {EditorView} view
 * @param {number} number
 * @param {number} target number of the line before which it is to stand; one more than the last: at the end
 */
export function moveLine(view, number, target) {
  if (target === number || target === number + 1) return;
  const changes = movedLine(view.state.doc, number, target);
  view.dispatch({ changes, userEvent: "move.line" });
  const { doc } = view.state;
  view.dispatch({ selection: { anchor: doc.line(target > number ? target - 1 : target).from }, scrollIntoView: true });
}

/** @param {Text} doc @param {number} number @param {number} target @returns {ChangeSpec} */
export function movedLine(doc, number, target) {
  const line = doc.line(number);
  const last = number === doc.lines;
  const taken = { from: last ? Math.max(line.from - 1, 0) : line.from, to: last ? line.to : line.to + 1 };
  if (target > doc.lines) return [taken, { from: doc.length, insert: `\n${line.text}` }];
  return [taken, { from: doc.line(target).from, insert: `${line.text}\n` }];
}

/** The indices of the lyrics that are selected. @param {EditorState} state */
export function selectedLyrics({ doc, selection }) {
  const { from, to } = selection.main;
  const first = doc.lineAt(from).number;
  const count = doc.lineAt(to).number - first + 1;
  return Array.from({ length: count }, (_, i) => first - 1 + i).filter((i) => kindOf(doc.line(i + 1).text) === "lyric");
}

/** Locks lines, or unlocks them if all are locked. @param {EditorView} view @param {number[]} indices */
export function toggleLock(view, indices) {
  const lines = indices.filter((i) => kindOf(view.state.doc.line(i + 1).text) === "lyric");
  if (!lines.length) return;
  const details = lines.map((i) => view.state.field(lineDetails)[i]);
  const locked = !details.every((line) => line.locked);
  view.dispatch({
    effects: setLocked.of({ ids: details.map(({ id }) => id), locked }),
    userEvent: "lock",
  });
}
