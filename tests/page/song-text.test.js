import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EditorState, history, redo, undo } from "../../src/zuoci/studio/page/vendor/codemirror.js";
import { choruses, repeatSection } from "../../src/zuoci/studio/page/studio/choruses.js";
import { lineDetails, setLocked, undoableDetails, writtenBy } from "../../src/zuoci/studio/page/studio/line-details.js";
import { movedLine } from "../../src/zuoci/studio/page/studio/line-drag.js";
import { kindOf, sectionsOf, sungLines } from "../../src/zuoci/studio/page/studio/song-text.js";

const SONG = ["# 初稿", "[Verse]", "山前", "路上", "", "[Chorus]", "歌里", "", "[Verse]"];
const MODEL = { model: "zh", seed: 1, settings: {} };

function open(doc) {
  return EditorState.create({ doc, extensions: [lineDetails, undoableDetails, history(), choruses] });
}

/** The state after the text at `from` … `to` is replaced. */
function change(state, from, to, insert, more = {}) {
  return state.update({ changes: { from, to, insert }, ...more }).state;
}

const ids = (state) => state.field(lineDetails).map(({ id }) => id);
const locks = (state) => state.field(lineDetails).map(({ locked }) => locked);

function travel(command, state) {
  let next = state;
  command({ state, dispatch: (transaction) => (next = transaction.state) });
  return next;
}

describe("a song as a text", () => {
  test("lines are lyrics, sections, comments or empty", () => {
    assert.deepEqual(SONG.map(kindOf), [
      "comment", "section", "lyric", "lyric", "empty", "section", "lyric", "empty", "section",
    ]);
  });

  test("sections end before the empty lines under them", () => {
    const found = sectionsOf(SONG).map(({ name, from, to }) => [name, SONG.slice(from, to)]);
    assert.deepEqual(found, [["Verse", ["山前", "路上"]], ["Chorus", ["歌里"]], ["Verse", []]]);
  });

  test("a model reads lyrics with one empty line between stanzas", () => {
    assert.deepEqual(sungLines(SONG), { texts: ["山前", "路上", "", "歌里"], indices: [2, 3, 4, 6] });
    assert.deepEqual(sungLines(["一", "[B]", "二"]), { texts: ["一", "", "二"], indices: [0, -1, 2] });
  });
});

describe("what is known of lines", () => {
  test("a line keeps its id while it is edited, moved, or lines come before it", () => {
    let state = open("一\n二\n三");
    state = change(state, 2, 3, "贰");
    assert.deepEqual([ids(state), locks(state)], [[0, 1, 2], [false, true, false]]);
    state = change(state, 0, 0, "零\n");
    assert.deepEqual(ids(state).slice(1), [0, 1, 2]);
    state = change(state, 0, 7, "三\n贰\n一\n零"); // turned around
    assert.deepEqual(ids(state).slice(0, 3), [2, 1, 0]);
  });

  test("a split line keeps its id at its beginning, and an emptied line is not locked", () => {
    let state = change(open("山前路上"), 2, 2, "\n");
    assert.deepEqual([ids(state), locks(state)], [[0, 1], [true, true]]);
    state = change(state, 0, 2, "");
    assert.deepEqual(locks(state), [false, true]);
  });

  test("lines by a model are not locked, and undo brings back text, writer and lock", () => {
    let state = open("一\n二");
    state = change(state, 0, 1, "山", { annotations: writtenBy.of(MODEL) });
    assert.deepEqual(state.field(lineDetails)[0], { id: 0, locked: false, by: MODEL, time: null });
    state = state.update({ effects: setLocked.of({ ids: [0], locked: true }) }).state;
    assert.deepEqual(locks(state), [true, false]);
    state = travel(undo, state);
    assert.deepEqual([state.doc.toString(), locks(state)], ["山\n二", [false, false]]);
    state = travel(undo, state);
    assert.deepEqual([state.doc.toString(), state.field(lineDetails)[0].by], ["一\n二", null]);
    state = travel(redo, state);
    assert.equal(state.field(lineDetails)[0].by, MODEL);
  });
});

test("a line that is moved keeps what is known of it", () => {
  const state = open("一\n二\n三\n四");
  for (const [number, target, expected] of [[1, 4, "二三一四"], [1, 5, "二三四一"], [4, 1, "四一二三"], [4, 2, "一四二三"]]) {
    const moved = state.update({ changes: movedLine(state.doc, number, target) }).state;
    assert.equal(moved.doc.toString(), [...expected].join("\n"));
    assert.deepEqual(ids(moved), [...expected].map((char) => "一二三四".indexOf(char)));
    assert.deepEqual(locks(moved), [false, false, false, false]);
  }
});

describe("choruses", () => {
  const TWICE = "[Chorus]\n山前\n\n[Verse]\n路\n\n[Chorus]\n山前";

  test("a change of one changes the others, and undo takes both back", () => {
    let state = change(open(TWICE), 10, 10, "的");
    assert.equal(state.doc.toString(), TWICE.replaceAll("山前", "山的前"));
    state = travel(undo, state);
    assert.equal(state.doc.toString(), TWICE);
  });

  test("those that differ stay as they are", () => {
    const differ = TWICE.replace("山前", "山后");
    assert.equal(change(open(differ), 10, 10, "的").doc.toString(), differ.replace("山后", "山的后"));
  });

  test("a section that begins under the last one is not repeated", () => {
    let state = open(TWICE);
    for (const char of "\n[V]") state = change(state, state.doc.length, state.doc.length, char);
    assert.equal(state.doc.toString(), `${TWICE}\n[V]`);
  });

  test("a name that comes again brings its lines", () => {
    const doc = "[Chorus]\n山前\n\n[Chorus]";
    const state = EditorState.create({ doc, selection: { anchor: doc.length } });
    assert.equal(state.update(repeatSection(state)).state.doc.toString(), `${doc}\n山前\n`);
    assert.equal(repeatSection(EditorState.create({ doc: "[Verse]", selection: { anchor: 7 } })), null);
  });
});
