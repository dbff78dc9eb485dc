import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { readStorage, writeStorage } from "../../src/zuoci/studio/page/shared/dom.js";

/** @type {Map<string, string>} */
let items;

beforeEach(() => {
  items = new Map();
  globalThis.localStorage = { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value) };
});

test("what is written is read again", () => {
  writeStorage("key", { rows: [{ text: "山", locked: true }] });
  assert.deepEqual(readStorage("key"), { rows: [{ text: "山", locked: true }] });
});

test("nothing, or nothing readable, is an empty object", () => {
  assert.deepEqual(readStorage("key"), {});
  for (const broken of ["{", "null", "3", '"text"']) {
    items.set("key", broken);
    assert.deepEqual(readStorage("key"), {});
  }
});

test("a browser without storage changes nothing", () => {
  globalThis.localStorage = {
    getItem() {
      throw new Error("off");
    },
    setItem() {
      throw new Error("full");
    },
  };
  assert.equal(writeStorage("key", {}), false);
  assert.deepEqual(readStorage("key"), {});
});
