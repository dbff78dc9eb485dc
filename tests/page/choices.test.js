import assert from "node:assert/strict";
import { test } from "node:test";

import { choices, firstChoice, ownModels } from "../../src/zuoci/studio/page/studio/choices.js";

const BASES = [
  { id: "en", base: true, created: 9 },
  { id: "zh", base: true, created: 9 },
];
const OWN = [
  { id: "old", base: false, created: 1 },
  { id: "new", base: false, created: 2 },
];

test("without a model of one's own, the base model of the page's language is chosen", () => {
  assert.equal(firstChoice(BASES, "zh"), "zh");
  assert.equal(firstChoice(BASES, "en"), "en");
  assert.equal(firstChoice([BASES[0], { ...BASES[1], id: "zh-2" }], "zh"), "zh-2");
  assert.equal(firstChoice([], "zh"), "");
});

test("the newest model of one's own goes before a base model, however new that is", () => {
  assert.equal(firstChoice([BASES[0], ...OWN, BASES[1]], "zh"), "new");
  assert.deepEqual(ownModels([...OWN, ...BASES]), OWN.toReversed());
});

test("a list has the newest models first and the base models last, and says what they are", () => {
  const t = { baseName: (id) => `${id}!` };
  assert.deepEqual(choices([BASES[0], ...OWN, BASES[1]], t), [
    ["new", "new"],
    ["old", "old"],
    ["en", "en!"],
    ["zh", "zh!"],
  ]);
});
