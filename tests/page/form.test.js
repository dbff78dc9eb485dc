import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { Alphabet, RhymeConstraint, parseLengths, rhymeKey, rhymeLetter, units } from "../../src/zuoci/studio/page/give/form.js";
import { LineState } from "../../src/zuoci/studio/page/give/line_state.js";
import { repeats } from "../../src/zuoci/studio/page/give/line_score.js";
import { charactersThatWouldRepeat } from "../../src/zuoci/studio/page/give/repetition.js";
import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";
import { DOCUMENT } from "./document.js";

const golden = JSON.parse(readFileSync(new URL("../golden/lines.json", import.meta.url), "utf-8"));
const RHYMES = { 山: "an", 前: "an", 安: "an", 路: "u", 树: "u", 古: "u", 歌: "e" };
const CHARACTERS = "\n ，山前安路树古歌abc'";
const { constants } = DOCUMENT;

const alphabet = new Alphabet(new Vocabulary(CHARACTERS), RHYMES);
const ids = (text, of = alphabet) => [...text].map((char) => of.vocabulary.ids.get(char));

/** A line of which some characters have been written. */
function line(text, { length = 0, opening = "", of = alphabet } = {}) {
  const state = new LineState(of, { length, gaps: [], fixed: opening ? [[0, ids(opening, of)]] : [] }, constants);
  for (const id of ids(text, of)) state.advance(id);
  return state;
}

/** The characters that may come next. */
function allowed(state, rhyme = null) {
  const mask = new Uint8Array(state.alphabet.size);
  state.allow(mask, rhyme);
  return state.alphabet.vocabulary.characters.filter((_, id) => mask[id]).join("");
}

describe("the golden cases, which the Python tests read too", () => {
  for (const { characters, plan, text, next } of golden.states) {
    test(`${JSON.stringify(text)} for ${JSON.stringify(plan)}`, () => {
      const one = new Alphabet(new Vocabulary(characters), {});
      const known = (chars) => [...chars].map((char) => one.vocabulary.ids.get(char));
      const fixed = plan.fixed.map(([before, chars]) => [before, known(chars)]);
      const state = new LineState(one, { ...plan, fixed }, constants);
      for (const id of known(text)) state.advance(id);
      const mask = new Uint8Array(one.size);
      if (state.forced >= 0) mask[state.forced] = 1;
      else state.allow(mask, null);
      assert.equal(one.vocabulary.characters.filter((_, id) => mask[id]).join(""), next);
    });
  }
  for (const { text, units: expected } of golden.units) {
    test(`the units of ${JSON.stringify(text)}`, () => assert.deepEqual(units([...text]), expected));
  }
  for (const { before, line: text, cost } of golden.repeats) {
    test(`${JSON.stringify(text)} after ${JSON.stringify(before.slice(-20))}`, () =>
      assert.ok(Math.abs(repeats(before, text, constants) - cost) < 1e-9));
  }
  for (const { pattern, parts } of golden.lengths) {
    test(`the lengths ${JSON.stringify(pattern)}`, () => assert.deepEqual(parseLengths(pattern, constants.max_lines), parts));
  }
  for (const { text, characters } of golden.loops) {
    test(`the loop of ${JSON.stringify(text.slice(-30))}`, () =>
      assert.deepEqual(new Set(charactersThatWouldRepeat([...text], constants)), new Set(characters)));
  }
});

describe("marks and emoji", () => {
  const marked = new Alphabet(new Vocabulary("\n ，我你กินำน้е́é👨👩❤\u0e49\u0301\u200d\ufe0f"), {});
  const state = (text, length = 0) => line(text, { length, of: marked });

  for (const [text, length] of [
    ["我❤\ufe0f你", 2],
    ["👨\u200d👩我", 1],
    ["กิน", 2],
    ["น้ำ", 1],
    ["е\u0301é", 1],
  ]) {
    test(`${text}: ${length}`, () => assert.equal(state(text).syllables, length));
  }

  test("stay with their character", () => {
    assert.ok(!/[\p{M}\u200d]/u.test(allowed(state("", 1))), "no line begins with a mark");
    for (const text of ["我 ", "é "]) assert.ok(!/[\p{M}\u200d]/u.test(allowed(state(text))), "no mark stands on a space");
    const full = allowed(state("น", 1));
    assert.ok(full.includes("\u0e49") && full.includes("\n"));
    assert.ok(allowed(state("น้", 1)).includes("\n"));
    const joined = allowed(state("我👨\u200d", 1));
    assert.ok(!/[\n ]/u.test(joined), "an emoji is not cut apart");
    assert.ok(joined.includes("👩"));
    assert.ok(allowed(state("我👨\u200d👩\u200d👩\u200d", 1)).includes("👨"), "however many parts it has");
    assert.ok(allowed(state("我\u200d", 1)).includes("\n"), "a joiner on a letter asks for nothing");
    assert.ok(!/[\p{M}\u200d]/u.test(allowed(state(`น${"\u0e49".repeat(4)}`))), "no more than four marks");
  });

  test("take no place among the punctuation", () => {
    assert.equal(state("我❤\ufe0f", 2).marks, 1);
    assert.ok(allowed(state("我❤\ufe0f❤\ufe0f", 2)).includes("，"));
  });
});

test("a copy of a line goes on by itself", () => {
  const one = line("山", { length: 3 });
  const other = one.copy();
  other.advance(ids("路")[0]);
  assert.deepEqual([one.syllables, other.syllables], [1, 2]);
});

test("lines that rhyme end in another character with the same rhyme", () => {
  const rhyme = new RhymeConstraint(alphabet, ids("山"), 2);
  assert.equal(allowed(line("路", { length: 2 }), rhyme), "，前安'");
  assert.equal(allowed(line("歌路", { length: 3 }), new RhymeConstraint(alphabet, ids("山安"), 3)), "，前'");
});

test("a rhyme that fewer characters have than lines is not begun", () => {
  assert.equal(allowed(line("", { length: 1 }), new RhymeConstraint(alphabet, [], 3)), "，山前安路树古'");
  assert.equal(allowed(line("", { length: 1 }), new RhymeConstraint(alphabet, [], 1)), "，山前安路树古歌'");
});

test("a line of any length ends only where it rhymes", () => {
  const rhyme = new RhymeConstraint(alphabet, ids("山"), 2);
  assert.ok(allowed(line("路前"), rhyme).includes("\n"));
  assert.ok(allowed(line("路前，"), rhyme).includes("\n"));
  for (const text of ["路", "路山", "路前a"]) assert.ok(!allowed(line(text), rhyme).includes("\n"), text);
});

test("rhyme letters repeat after the last; - is none", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((one) => rhymeLetter([..."AB-"], one)), ["A", "B", "", "A", "B"]);
  assert.equal(rhymeLetter([], 3), "");
});

test("each round of a scheme has rhymes of its own, but for that of one letter", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((line) => rhymeKey([..."AB-"], line)), ["A0", "B0", "", "A1", "B1"]);
  assert.equal(rhymeKey(["A"], 0), rhymeKey(["A"], 7));
});

test("lengths stand between blanks, commas, 、 or /", () => {
  assert.deepEqual(parseLengths("7 7，4+3,5、3/1", 7), [[7], [7], [4, 3], [5], [3], [1]]);
  assert.deepEqual(parseLengths(" ", 7), []);
  for (const wrong of ["8", "5+3"]) assert.equal(parseLengths(wrong, 7), null);
});
