import assert from "node:assert/strict";
import { test } from "node:test";

import { linearTicks, logTicks } from "../../src/zuoci/studio/page/studio/chart.js";
import { columnsFor, decodeStates, unitAt } from "../../src/zuoci/studio/page/studio/state-picture.js";

test("states are signed bytes", () => {
  const bytes = String.fromCharCode(0, 1, 127, 128, 255);
  assert.deepEqual([...decodeStates(btoa(bytes))], [0, 1, 127, -128, -1]);
});

test("the picture of a state is as square as it can be", () => {
  assert.deepEqual([0, 1, 4, 5, 256].map(columnsFor), [1, 1, 2, 3, 16]);
});

test("a point of the picture belongs to a unit", () => {
  assert.equal(unitAt(0, 0, 100, 10), 0);
  assert.equal(unitAt(99, 0, 100, 10), 9);
  assert.equal(unitAt(15, 25, 100, 10), 21);
});

test("the ticks of a chart are round numbers", () => {
  assert.deepEqual(logTicks(3, 60), [5, 10, 20, 50]);
  assert.deepEqual(logTicks(0.5, 5000), [1, 10, 100, 1000]);
  assert.deepEqual(linearTicks(47, 5), [0, 10, 20, 30, 40]);
  assert.deepEqual(linearTicks(0.4, 4), [0, 0.1, 0.2, 0.3, 0.4]);
});
