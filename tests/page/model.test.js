import assert from "node:assert/strict";
import { test } from "node:test";

import { multiply } from "../../src/zuoci/studio/page/give/multiply.js";
import { network, numbers } from "./networks.js";

test("a product of several vectors is that of each, to the last bit", () => {
  for (const [rows, columns] of [[1, 1], [2, 3], [5, 4], [7, 9], [8, 8]]) {
    const [W, bias, x] = [numbers(rows * columns, 2), numbers(rows, 3), numbers(7 * (columns + 2), 4)];
    for (const count of [1, 3, 4, 6, 7]) {
      const y = new Float32Array(count * (rows + 1));
      const input = { values: x, at: 1, step: columns + 2 };
      multiply({ values: y, at: 0, step: rows + 1 }, W, rows, columns, input, bias, count);
      for (let k = 0; k < count; k++) {
        const alone = new Float32Array(rows);
        const at = 1 + k * (columns + 2);
        multiply({ values: alone, at: 0, step: 0 }, W, rows, columns, { values: x, at, step: 0 }, bias, 1);
        assert.deepEqual(y.subarray(k * (rows + 1), k * (rows + 1) + rows), alone);
        for (let row = 0; row < rows; row++) {
          const sum = Array.from({ length: columns }, (_, n) => W[row * columns + n] * x[at + n]).reduce((a, b) => a + b);
          assert.ok(Math.abs(alone[row] - sum - bias[row]) < 1e-5);
        }
      }
    }
  }
});

for (const [cell, more] of [["rnn", {}], ["rnn_relu", {}], ["gru", { layers: 2 }], ["lstm", { embedding: 3, tied: true, layers: 2 }]]) {
  test(`a text does not depend on those beside it: ${cell}`, () => {
    const model = network(9, { cell, ...more });
    const together = model.start(6);
    const apart = Array.from({ length: 6 }, () => model.start());
    for (const ids of [[0, 1, 2, 3, 4, 5], [8, 8, 1, 0, 2, 2], [3, 1, 4, 1, 5, 6]]) {
      const logits = model.step(ids, together).logits.slice();
      for (const [k, state] of apart.entries()) {
        assert.deepEqual(logits.subarray(9 * k, 9 * k + 9), model.step([ids[k]], state).logits);
        assert.deepEqual(together.slice(k * model.stateSize, (k + 1) * model.stateSize), state);
      }
    }
  });
}
