import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Alphabet, Form, MAX_LENGTH, parseLengths, rhymeLetter } from "../../src/zuoci/studio/page/give/form.js";
import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";

const RHYMES = { 山: "an", 前: "an", 安: "an", 路: "u", 树: "u", 古: "u", 歌: "e" };
const CHARACTERS = "\n ，山前安路树古歌abc'";

function form(settings = {}) {
  const alphabet = new Alphabet(new Vocabulary(CHARACTERS), RHYMES, 3);
  return new Form(alphabet, { lengths: [], acrostic: "", rhyme: "", ...settings });
}

/** Reads a text; returns the form. */
function read(one, text) {
  for (const char of text) one.read(one.alphabet.vocabulary.ids.get(char));
  return one;
}

/** The characters that may come next. */
function allowed(one, banned = null) {
  const mask = one.allowed(banned);
  return one.alphabet.vocabulary.characters.filter((_, id) => mask[id]).join("");
}

describe("marks and emoji", () => {
  const alphabet = new Alphabet(new Vocabulary("\n 我你กินำน้е́é👨👩❤\u0e49\u0301\u200d\ufe0f"), {}, 9);
  const marked = (settings = {}) => new Form(alphabet, { lengths: [], acrostic: "", rhyme: "", ...settings });

  for (const [text, length] of [
    ["我❤\ufe0f你", 2],
    ["👨\u200d👩我", 1],
    ["กิน", 2],
    ["น้ำ", 1],
    ["е\u0301é", 1],
  ]) {
    test(`${text}: ${length}`, () => assert.equal(read(marked(), text).count, length));
  }

  test("stay with their character", () => {
    const one = marked({ lengths: [1] });
    assert.ok(!/[\p{M}\u200d]/u.test(allowed(one)), "no line begins with a mark");
    assert.ok(!/[\p{M}\u200d]/u.test(allowed(read(marked(), "我 "))), "no mark stands on a space");
    assert.ok(allowed(read(one, "น")).includes("\u0e49"));
    assert.ok(allowed(one).includes("\n"));
    const joined = read(one, "👨\u200d");
    assert.ok(!/[\n ]/u.test(allowed(joined)), "an emoji is not cut apart");
    assert.ok(allowed(joined).includes("👩"));
    assert.ok(allowed(read(joined, "👩\u200d👩\u200d")).includes("👨"), "however many parts it has");
  });
});

describe("the length of a line", () => {
  for (const [text, length] of [
    ["山前路", 3],
    ["山，前 路", 3],
    ["abc", 1],
    ["abc ab 山", 3],
    ["a'b", 1],
    ["，", 0],
  ]) {
    test(`${text}: ${length}`, () => assert.equal(read(form(), text).count, length));
  }
});

test("a line ends once it is as long as asked, and not before", () => {
  const one = read(form({ lengths: [2, 1] }), "山");
  assert.ok(!allowed(one).includes("\n"));
  assert.equal(allowed(read(one, "前")), "\n，'");
  assert.equal(allowed(read(one, "\n山")), "\n，'");
});

test("a word of letters is not cut, nor longer than the longest word", () => {
  const one = read(form({ lengths: [1] }), "a");
  assert.equal(allowed(one), "\n，abc'");
  assert.ok(!allowed(read(one, "bc")).includes("a"));
});

test("a line without a length is not empty", () => {
  assert.ok(!allowed(form()).includes("\n"));
  assert.ok(allowed(read(form(), "山")).includes("\n"));
});

test("the acrostic gives each line its first character", () => {
  const one = form({ lengths: [1], acrostic: "歌路" });
  assert.equal(allowed(one), "歌");
  assert.equal(allowed(read(one, "歌\n")), "路");
  assert.notEqual(allowed(read(one, "路\n")), "");
});

test("lines with the same letter rhyme, with another character", () => {
  const one = read(form({ lengths: [1], rhyme: "AA" }), "山\n");
  assert.equal(allowed(one).replace(/[ ，']/gu, ""), "前安");
});

test("a rhyme that few characters have is not begun", () => {
  assert.ok(!allowed(form({ lengths: [1], rhyme: "A" })).includes("歌"));
});

test("where nothing rhymes, the rhyme is given up and counted", () => {
  const one = read(form({ lengths: [1], rhyme: "A" }), "山\n前\n安\n");
  const banned = Uint8Array.from(one.alphabet.vocabulary.characters, (char) => Number("， '".includes(char)));
  assert.ok(allowed(one, banned).includes("路"));
  assert.equal(one.broken, 1);
});

test("a fork goes on by itself", () => {
  const one = read(form({ lengths: [2], rhyme: "A" }), "山前\n路");
  const other = one.fork();
  read(other, "安\n");
  assert.deepEqual([one.line, one.count, other.line, other.count], [1, 1, 2, 0]);
  assert.equal(one.lineEnds.get("A").length, 1);
  assert.equal(other.lineEnds.get("A").length, 2);
});

test("banned characters are not allowed, but the line break is", () => {
  const one = read(form({ lengths: [1] }), "山");
  assert.equal(allowed(one, new Uint8Array(CHARACTERS.length).fill(1)), "\n");
});

test("rhyme letters repeat after the last; - is none", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((line) => rhymeLetter([..."AB-"], line)), ["A", "B", "", "A", "B"]);
  assert.equal(rhymeLetter([], 3), "");
});

test("lengths are whole numbers between blanks or commas", () => {
  assert.deepEqual(parseLengths("7 7，5,5、3/1"), [7, 7, 5, 5, 3, 1]);
  assert.deepEqual(parseLengths(" "), []);
  for (const wrong of ["nine", "0", "-1", "1.5", `${MAX_LENGTH + 1}`, "7 x"]) assert.equal(parseLengths(wrong), null);
});
