import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { units } from "../../src/zuoci/studio/page/give/form.js";
import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";
import { Writer } from "../../src/zuoci/studio/page/give/writer.js";
import { DOCUMENT } from "./document.js";
import { network } from "./networks.js";

const RHYMES = { 山: "an", 安: "an", 前: "an", 路: "u", 古: "u", 树: "u", 歌: "e", 河: "e", 哥: "e" };
const vocabulary = new Vocabulary("\n 山安前路古树歌河哥人有在");
const writer = new Writer(network(vocabulary.size, { seed: 3 }), vocabulary, DOCUMENT, RHYMES);
const rhymeOf = (line) => RHYMES[[...line].at(-1)];

function run(steps) {
  let next = steps.next();
  while (!next.done) next = steps.next();
  return next.value;
}

/** What is written, and its lines. */
function write(opening, settings) {
  const written = run(writer.write(opening, { lines: 4, seed: 1, particles: 8, lengths: [[5]], ...settings }));
  return { ...written, rows: (opening + written.text).split("\n") };
}

describe("locked lines", () => {
  const locked = new Map([[1, "人在X前"], [3, "有河"]]);

  test("stay as they are, and the others are written around them and rhyme with them", () => {
    for (const seed of [1, 2]) {
      const { rows, broken } = write("", { locked, rhyme: "AABB", seed });
      assert.equal(broken, 0);
      assert.deepEqual([rows[1], rows[3]], ["人在X前", "有河"]);
      assert.deepEqual([rows[0], rows[2]].map(rhymeOf), ["an", "e"]);
      assert.deepEqual([rows[0], rows[2]].map((row) => row.length), [5, 5]);
      assert.ok(!["前", "河"].includes([...rows[0]].at(-1)), "no line rhymes with itself");
    }
  });

  test("begin as they do, whatever the opening", () => {
    const { rows } = write("", { locked: new Map([[0, "人在前"]]), acrostic: "山路" });
    assert.deepEqual([rows[0], rows[1][0]], ["人在前", "路"]);
  });
});

describe("required words", () => {
  test("appear, in the form", () => {
    for (const seed of [1, 2]) {
      const { rows, unplaced } = write("山", { words: ["古树", "有人在"], rhyme: "AABB", seed });
      assert.deepEqual(unplaced, []);
      const text = rows.join("\n");
      assert.ok(text.startsWith("山") && text.includes("古树") && text.includes("有人在"), text);
      assert.deepEqual(rows.map((row) => units([...row]).length), [5, 5, 5, 5]);
      assert.equal(rhymeOf(rows[0]), rhymeOf(rows[1]));
    }
  });

  test("do not stand in locked lines, nor once more if they do", () => {
    const locked = new Map([[0, "山"], [1, "有古树"], [2, "路"]]);
    const { rows } = write("", { locked, words: ["古树", "人在"] });
    assert.deepEqual(rows.slice(0, 3), ["山", "有古树", "路"]);
    assert.ok(rows[3].includes("人在"), rows[3]);
    assert.equal(write("", { locked, words: ["古树"] }).text, write("", { locked }).text);
  });

  test("are named if no line has room, or the model knows none of their characters", () => {
    const { unplaced, rows } = write("", { lengths: [[1, 2]], words: ["山安前路", "安前", "XY"] });
    assert.deepEqual(unplaced, ["山安前路", "安前", "XY"].filter((word) => word !== "安前"));
    for (const row of rows) assert.match(row, /^[^ ] [^ ]{2}$/u);
    assert.ok(rows.some((row) => row.endsWith("安前")), "not across a gap");
  });
});

test("each round of a scheme has its own rhyme, and a scheme of one letter one for all lines", () => {
  const { rows } = write("", { rhyme: "A", lines: 3 });
  assert.equal(new Set(rows.map(rhymeOf)).size, 1);
  const rounds = [1, 2, 3, 4].map((seed) => write("", { rhyme: "AA", lines: 4, seed }).rows.map(rhymeOf));
  for (const [a, b, c, d] of rounds) assert.deepEqual([a, c], [b, d]);
  assert.ok(rounds.some(([a, , c]) => a !== c));
});

test("candidates keep words, and rhyme with the lines after them in their round", () => {
  const settings = { rhyme: "AABB", lengths: [[4]], seed: 2, particles: 8 };
  const found = run(writer.candidates("", settings, 6, ["人在有前", "山"], 0, [[1, "古树"]]));
  assert.ok(found.length > 1);
  for (const { text } of found) {
    assert.equal(text.slice(1, 3), "古树");
    assert.equal(rhymeOf(text), "an");
  }
});
