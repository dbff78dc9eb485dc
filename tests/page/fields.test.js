import assert from "node:assert/strict";
import { test } from "node:test";

import { boundedNumber, setBounds } from "../../src/zuoci/studio/page/shared/fields.js";
import { defaultSettings } from "../../src/zuoci/studio/page/give/writer.js";
import { DOCUMENT } from "./document.js";

const { settings } = DOCUMENT;

test("a number field gets the bounds of its setting", () => {
  assert.deepEqual(setBounds({ type: "number" }, settings.top_k), undefined);
  const topK = { type: "number" };
  setBounds(topK, settings.top_k);
  assert.deepEqual(topK, { type: "number", min: "0", max: "1000000", step: "1", inputMode: "numeric" });
  const topP = { type: "number" };
  setBounds(topP, settings.top_p);
  assert.deepEqual(topP, { type: "number", min: "0.01", max: "1", step: "0.01", inputMode: "decimal" });
  const seed = { type: "number" };
  setBounds(seed, settings.seed);
  assert.equal(seed.max, `${Number.MAX_SAFE_INTEGER}`);
  const ban = { type: "text" };
  setBounds(ban, settings.ban);
  assert.deepEqual(ban, { type: "text", maxLength: 10_000 });
});

test("a number is moved into the bounds of its setting", () => {
  const number = (value, setting) => boundedNumber({ value }, setting);
  assert.equal(number("5.4", settings.top_k), 5);
  assert.equal(number("-3", settings.top_k), 0);
  assert.equal(number("2", settings.top_p), 1);
  assert.equal(number("0", settings.top_p), 1); // 0 is outside: the default
  assert.equal(number("", settings.min_p), 0);
  assert.equal(number("x", settings.length), 50);
});

test("the defaults are Python's", () => {
  const defaults = defaultSettings(DOCUMENT);
  assert.equal(defaults.temperature, 0.8);
  assert.equal(defaults.length, 50);
  assert.deepEqual([defaults.particles, defaults.selection], [24, 2]);
  assert.deepEqual([defaults.topK, defaults.topP, defaults.minP, defaults.greedy], [0, 1, 0, false]);
});
