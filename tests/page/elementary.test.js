import assert from "node:assert/strict";
import { test } from "node:test";

import { exp, log, powerOfTwo } from "../../src/zuoci/studio/page/give/elementary.js";

/** Holds two numbers to a relative error. */
function close(got, expected, error) {
  assert.ok(Math.abs(got - expected) <= error * Math.abs(expected), `${got} is not ${expected}`);
}

test("powers of two are exact", () => {
  for (const exponent of [-1022, -24, -1, 0, 1, 1023]) assert.equal(powerOfTwo(exponent), 2 ** exponent);
});

test("log has a relative error below 1e-13", () => {
  for (let x = -308; x < 308; x += 0.37) close(log(10 ** x), Math.log(10 ** x), 1e-13);
  for (let x = 0.5; x < 2; x += 0.0007) close(log(x), Math.log(x), 1e-13);
  for (const x of [1 - 2 ** -53, 1 + 2 ** -52, 5e-324, 3e-320, Number.MAX_VALUE]) close(log(x), Math.log(x), 1e-13);
});

test("log has the usual values at its ends", () => {
  assert.deepEqual([1, 0, -0, Infinity, -1, NaN].map(log), [0, -Infinity, -Infinity, Infinity, NaN, NaN]);
});

test("log is the inverse of exp", () => {
  for (let x = -699; x < 709; x += 3.3) close(log(exp(x)), x, 2e-11);
});
