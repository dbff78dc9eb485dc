import assert from "node:assert/strict";
import { test } from "node:test";

import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";

test("ids are the places of the characters, code points and not UTF-16 units", () => {
  const vocabulary = new Vocabulary("\n山𠮷a");
  assert.equal(vocabulary.size, 4);
  assert.deepEqual(vocabulary.adapt("a𠮷山").ids, [3, 2, 1]);
  assert.equal(vocabulary.decode([3, 2, 1]), "a𠮷山");
});

test("unknown characters take their full-width or half-width form, or are dropped and named once", () => {
  const vocabulary = new Vocabulary("，a　");
  assert.deepEqual(vocabulary.adapt(",ａ b山b"), { ids: [0, 1, 2], text: "，a　", unknown: "b山" });
});

test("an unknown newline becomes a space", () => {
  assert.deepEqual(new Vocabulary(" 山").adapt("山\n山"), { ids: [1, 0, 1], text: "山 山", unknown: "" });
  assert.deepEqual(new Vocabulary("山").adapt("山\n"), { ids: [0], text: "山", unknown: "\n" });
});

test("the line break is the newline, or the space of a model trained without newlines", () => {
  assert.equal(new Vocabulary(" \n").lineBreak, 1);
  assert.equal(new Vocabulary("a ").lineBreak, 1);
  assert.equal(new Vocabulary("a").lineBreak, -1);
});

test("letters and their accents are composed, and what has no width is dropped", () => {
  const vocabulary = new Vocabulary("너é");
  assert.deepEqual(vocabulary.adapt("\u1102\u1165\u200be\u0301"), { ids: [0, 1], text: "너é", unknown: "" });
  assert.deepEqual(new Vocabulary("e\u0301").adapt("e\u0301"), { ids: [0, 1], text: "e\u0301", unknown: "" });
});
