import assert from "node:assert/strict";
import { test } from "node:test";

import { parseBlocks, splitInline } from "../../src/zuoci/studio/page/studio/markdown.js";

test("a card is split into its blocks, and its YAML is left out", () => {
  const card = "---\na: b\n---\n# Title\ntext\nof two lines\n\n### Small\n\n- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n";
  assert.deepEqual(parseBlocks(card), [
    { kind: "heading", level: 3, text: "Title" },
    { kind: "paragraph", text: "text of two lines" },
    { kind: "heading", level: 4, text: "Small" },
    { kind: "list", items: ["one", "two"] },
    { kind: "table", head: ["a", "b"], rows: [["1", "2"]] },
  ]);
});

test("nothing but code and bold is read within a text", () => {
  assert.deepEqual(splitInline("a `b` **c** [d](javascript:e) <img> *f*"), [
    { kind: "text", text: "a " },
    { kind: "code", text: "b" },
    { kind: "text", text: " " },
    { kind: "strong", text: "c" },
    { kind: "text", text: " [d](javascript:e) <img> *f*" },
  ]);
  assert.deepEqual(splitInline(""), []);
});
