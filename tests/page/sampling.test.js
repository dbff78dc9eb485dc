import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import * as sampling from "../../src/zuoci/studio/page/give/sampling.js";

const golden = new URL("../golden/sampling.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(golden, "utf-8"));

describe("the golden cases, which the Python tests read too", () => {
  for (const { name, logits, forbidden, uniforms, kept, chosen, ...values } of cases) {
    test(name, () => {
      const row = Float32Array.from(logits);
      const allowed = Uint8Array.from(logits, (_, id) => Number(!forbidden.includes(id)));
      const { temperature, top_k: topK, top_p: topP, min_p: minP, greedy } = values;
      const settings = { temperature, topK, topP, minP, greedy };
      assert.deepEqual(uniforms.map((uniform) => sampling.choose(row, settings, uniform, allowed)), chosen);
      if (greedy) return;
      let left = sampling.forbid(row, allowed);
      left = sampling.keepMinP(sampling.keepTopP(sampling.keepTopK(left, topK), topP), minP);
      assert.deepEqual([...left.keys()].filter((id) => left[id] > -Infinity), kept);
    });
  }
});

const OFF = { temperature: 1, topK: 0, topP: 1, minP: 0, greedy: false };

test("nothing is chosen where nothing is allowed", () => {
  assert.equal(sampling.choose(Float32Array.of(1, 2), OFF, 0.5, Uint8Array.of(0, 0)), -1);
  assert.equal(sampling.choose(Float32Array.of(1, 2), { ...OFF, greedy: true }, 0.5, Uint8Array.of(0, 0)), -1);
});

test("the logits stay as they are", () => {
  const logits = Float32Array.of(3, 1, 2);
  sampling.choose(logits, { temperature: 0.5, topK: 2, topP: 0.9, minP: 0.1, greedy: false }, 0.5, Uint8Array.of(0, 1, 1));
  assert.deepEqual([...logits], [3, 1, 2]);
});

test("characters are drawn with the probabilities of the softmax", () => {
  const logits = Float32Array.of(0, 1, 2, -1);
  const count = 10_000;
  const uniforms = Array.from({ length: count }, (_, i) => i / count);
  const drawn = sampling.drawSeveral(logits, 0.7, uniforms);
  const weights = [...logits].map((logit) => Math.exp(logit / 0.7));
  const total = weights.reduce((sum, weight) => sum + weight);
  weights.forEach((weight, id) => {
    const share = drawn.filter((one) => one === id).length / count;
    assert.ok(Math.abs(share - weight / total) < 1e-3, `${id}: ${share}`);
  });
});

test("nll is −log softmax", () => {
  const logits = Float32Array.of(0.5, -1.5, 3);
  const total = [...logits].reduce((sum, logit) => sum + Math.exp(logit), 0);
  for (const id of logits.keys()) {
    assert.ok(Math.abs(sampling.nll(logits, id) - (Math.log(total) - logits[id])) < 1e-6);
  }
});

test("uniform depends on seed, stream and place", () => {
  const seeds = [0, 1, 2 ** 32, 2 ** 53 - 1];
  const values = seeds.flatMap((seed) =>
    [0, 1].flatMap((stream) => [0, 1, 2].map((place) => sampling.uniform(seed, stream, place))),
  );
  assert.equal(new Set(values).size, values.length);
  assert.ok(values.every((value) => value >= 0 && value < 1));
  assert.equal(sampling.uniform(7, 1, 5), sampling.uniform(7, 1, 5));
});
