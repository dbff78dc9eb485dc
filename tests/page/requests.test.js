import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CheckedText } from "../../src/zuoci/studio/page/studio/checked-text.js";
import { firstHalf, placeRequests, redraftRequest, rewriteRequest } from "../../src/zuoci/studio/page/studio/line-requests.js";
import { lineLength, lineSettings, textSettings } from "../../src/zuoci/studio/page/studio/option-values.js";
import { DOCUMENT } from "./document.js";

const EMPTY = Object.fromEntries(Object.entries(DOCUMENT.settings).map(([name, { type }]) => [name, type === "boolean" ? false : ""]));

/** The settings of a request, from some fields. */
function values(fields) {
  return textSettings({ ...EMPTY, own: "", ...fields }, DOCUMENT.settings);
}

describe("fields → settings", () => {
  test("empty fields are left out, numbers are numbers, lists are lists", () => {
    const settings = values({ lines: "4", temperature: "0.8", word: "山 路", stop: "a b，c", line_length: "7 7、5" });
    assert.deepEqual(settings, {
      lines: 4,
      temperature: 0.8,
      greedy: false,
      word: ["山", "路"],
      stop: ["a b", "c"],
      section: [],
      line_opening: [],
      line_length: "7,7,5",
    });
  });

  test("without lines, there is no form", () => {
    const settings = values({ lines: "0", length: "20", rhyme: "AABB", acrostic: "山" });
    assert.deepEqual(settings, { length: 20, greedy: false, stop: [] });
  });

  test("one rhyme for all lines, or a custom scheme", () => {
    assert.equal(values({ lines: "3", rhyme: "all" }).rhyme, "AAA");
    assert.equal(values({ lines: "3", rhyme: "own", own: "AXA" }).rhyme, "AXA");
  });

  test("an acrostic that is longer raises the lines", () => {
    assert.equal(values({ lines: "3", acrostic: "春 夏秋冬" }).lines, 4);
    assert.equal(values({ lines: "8", acrostic: "春夏" }).lines, 8);
  });

  test("a structure determines the lines", () => {
    const settings = values({ lines: "8", structure: "V C", section: "C=5,5 AA；V=7", rhyme: "AABB" });
    assert.equal(settings.lines, undefined);
    assert.deepEqual([settings.structure, settings.section, settings.rhyme], ["V C", ["C=5,5 AA", "V=7"], "AABB"]);
    assert.deepEqual(lineSettings(settings), { greedy: false });
  });

  test("what applies to single lines", () => {
    const settings = values({ lines: "4", rhyme: "AABB", temperature: "0.5", seed: "3" });
    assert.deepEqual(lineSettings(settings), { temperature: 0.5, greedy: false });
  });

  test("the length of a line", () => {
    const settings = values({ lines: "4", line_length: "7 0" });
    assert.deepEqual([0, 1, 2].map((line) => lineLength(settings, line)), ["7", "", "7"]);
    assert.equal(lineLength({}, 0), "");
  });
});

describe("requests for lines", () => {
  const settings = values({ lines: "4", rhyme: "AABB", line_length: "7,5", acrostic: "春夏秋冬", temperature: "0.5" });
  const rows = ["一", "二", "三", "四"].map((text) => ({ text, locked: false }));

  test("another line in place of one", () => {
    const { route, body } = rewriteRequest("一\n二", 2, settings, 8);
    assert.equal(route, "rewrite");
    assert.deepEqual(body, {
      temperature: 0.5, greedy: false, acrostic: "春夏秋冬", line_length: "5", text: "一\n二", line: 2, count: 8,
    });
  });

  test("a line is written after those before it", () => {
    const { route, body } = redraftRequest(rows, 2, settings, 4, 4);
    assert.equal(route, "candidates");
    assert.equal(body.text, "一\n二");
    assert.equal(body.after, "");
    assert.equal(body.rhyme, "AABB");
  });

  test("a locked line after it is told", () => {
    const locked = rows.with(3, { text: "四", locked: true });
    assert.equal(redraftRequest(locked, 1, settings, 4, 4).body.after, "");
    assert.equal(redraftRequest(rows.with(2, { text: "三", locked: true }), 1, settings, 4, 4).body.after, "三");
  });

  test("a line rhymes with a locked one that follows", () => {
    const { route, body } = redraftRequest(rows.with(3, { text: "四", locked: true }), 2, settings, 4, 4);
    assert.equal(route, "rewrite");
    assert.equal(body.text, "一\n二\n四\n四");
    assert.equal(body.line, 3);
  });
});

describe("requests for the place of a line", () => {
  const settings = values({ lines: "4", rhyme: "AABB", temperature: "0.5" });
  const rows = ["夜里的路灯", "照着", "我们不分开"].map((text) => ({ text, locked: false }));
  const place = { rows, n: 1, text: "夜里的路灯\n照着\n\n我们不分开" };

  test("the rest of a line begins with what is typed, in the form, then as long as the others, then in any", () => {
    const [formed, typical, free] = placeRequests("complete", place, settings, 8);
    assert.deepEqual(formed.body, {
      temperature: 0.5, greedy: false, rhyme: "AABB", line_length: "5", line_opening: ["2=照着"], lines: 4,
      text: "夜里的路灯", after: "我们不分开", count: 8,
    });
    assert.deepEqual(typical.body, {
      temperature: 0.5, greedy: false, line_length: "5", line_opening: ["2=照着"], lines: 4,
      text: "夜里的路灯", after: "我们不分开", count: 8,
    });
    assert.equal(free.body.line_length, undefined);
  });

  test("an empty place gets a line between its neighbours, in the rhyme of its own letter", () => {
    const [{ route, body }] = placeRequests("fill", { ...place, rows: rows.with(1, { text: "", locked: false }) }, settings, 8);
    assert.deepEqual([route, body.text, body.after, body.rhyme], ["candidates", "夜里的路灯", "我们不分开", "AABB"]);
    const three = [...rows, { text: "谁也不回来", locked: false }];
    const [third] = placeRequests("fill", { ...place, n: 2, rows: three.with(2, { text: "", locked: false }) }, settings, 8);
    assert.deepEqual([third.route, third.body.text.split("\n")[2]], ["rewrite", "谁也不回来"]); // its partner follows
  });

  test("another line is shorter, longer, begins alike or rhymes otherwise", () => {
    const [shorter, longer, alike, rhyme] = ["shorter", "longer", "alike", "rhyme"].map(
      (mode) => placeRequests(mode, { ...place, n: 2 }, settings, 8)[0].body,
    );
    assert.deepEqual([shorter.line_length, longer.line_length, alike.line_opening, rhyme.rhyme], ["4", "6", ["3=我们不"], "X"]);
    assert.deepEqual([shorter.text, shorter.line], [place.text, 3]);
  });

  test("the first half of a line ends with a word", () => {
    assert.deepEqual(["I walk the line", "山路", "go home"].map(firstHalf), ["I walk", "山", "go h"]);
  });
});

test("a check tells the letter and the copied spans of each line", () => {
  const span = { start: 1, length: 4, song: 1, title: null, line: 1, source: "" };
  const checked = new CheckedText();
  checked.update({
    text: "𠮷山前\n路人\n",
    lines: [{ letter: "A", start: 0 }, { letter: "X", start: 4 }],
    scheme: "AX",
    originality: { longest_copied: 8, spans: [span] },
  });
  assert.equal(checked.letter("𠮷山前"), "A");
  assert.equal(checked.letter("路人"), "");
  assert.equal(checked.letter("别的"), "");
  const describe = () => "here";
  assert.deepEqual(checked.marks("𠮷山前", describe), [{ start: 1, end: 5, source: "here" }]);
  assert.deepEqual(checked.marks("路人", describe), [{ start: -3, end: 1, source: "here" }]);
  assert.deepEqual([checked.rhymes, checked.copied], [true, { count: 1, longest: 8 }]);
  checked.forgetText();
  assert.deepEqual([checked.rhymes, checked.copied], [false, null]);
  assert.equal(checked.letter("𠮷山前"), "A");
});
