import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { Alphabet, RhymeConstraint } from "../../src/zuoci/studio/page/give/form.js";
import { LineJudge } from "../../src/zuoci/studio/page/give/line_judge.js";
import { lineScores } from "../../src/zuoci/studio/page/give/line_score.js";
import { writeLine } from "../../src/zuoci/studio/page/give/particles.js";
import { drawWeighed } from "../../src/zuoci/studio/page/give/sampling.js";
import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";
import { defaultSettings } from "../../src/zuoci/studio/page/give/writer.js";
import { DOCUMENT } from "./document.js";
import { network } from "./networks.js";

const { judge: golden, constants } = JSON.parse(readFileSync(new URL("../golden/lines.json", import.meta.url), "utf-8"));
const RHYMES = { 山: "an", 安: "an", 前: "an", 路: "u", 古: "u" };
const alphabet = new Alphabet(new Vocabulary("\n山安前路古"), RHYMES);
const model = network(alphabet.size, { seed: 3 });

function rules(more = {}) {
  const settings = { ...defaultSettings(DOCUMENT), selection: 0, seed: 1, ...more };
  return { model, alphabet, constants: DOCUMENT.constants, settings, banned: [], guard: null, judge: null };
}

const planOf = (length, opening = []) => ({ length, gaps: [], fixed: opening.length ? [[0, opening]] : [], rhyme: "" });
const start = () => ({ ids: [], last: alphabet.lineBreak, state: model.start(), given: 0 });

function run(steps) {
  let next = steps.next();
  while (!next.done) next = steps.next();
  return next.value;
}

/** The probability of each line of two syllables at a temperature, and of what must come after it, by enumeration. */
function enumerated(temperature, fits, ahead = -1) {
  const found = new Map();
  for (let a = 1; a < alphabet.size; a++) {
    for (let b = 1; b < alphabet.size; b++) {
      if (!fits(b)) continue;
      const state = model.start();
      let p = 1;
      let last = 0;
      for (const [k, id] of [a, b, 0, ...(ahead < 0 ? [] : [ahead])].entries()) {
        const T = k < 3 ? temperature : 1;
        const weights = [...model.step([last], state).logits].map((logit) => Math.exp(logit / T));
        p *= weights[id] / weights.reduce((x, y) => x + y);
        last = id;
      }
      found.set(alphabet.vocabulary.decode([a, b]), p);
    }
  }
  const total = [...found.values()].reduce((x, y) => x + y);
  return new Map([...found].map(([line, p]) => [line, p / total]));
}

/** Half the sum of the differences between the weights of some lines and the probabilities. */
function variation(lines, expected) {
  const total = lines.reduce((sum, { logWeight }) => sum + Math.exp(logWeight), 0);
  const got = new Map(lines.map(({ text, logWeight }) => [text, Math.exp(logWeight) / total]));
  for (const text of got.keys()) assert.ok(expected.has(text), text);
  return [...expected].reduce((sum, [text, p]) => sum + Math.abs(p - (got.get(text) ?? 0)), 0) / 2;
}

describe("lines have the probabilities that the model gives them under the plan", () => {
  const rhyme = () => new RhymeConstraint(alphabet, [alphabet.vocabulary.ids.get("山")], 2);
  for (const [name, ahead, constraint] of [["free", -1, null], ["rhymed", -1, rhyme()], ["and what follows", 4, rhyme()]]) {
    test(name, () => {
      const expected = enumerated(0.8, (id) => !constraint || constraint.fits(id), ahead);
      const far = (count, seed) =>
        variation(run(writeLine(rules({ seed }), start(), planOf(2), 0, constraint, count, ahead)), expected);
      const mean = (count) => [1, 2, 3, 4, 5].reduce((sum, seed) => sum + far(count, seed) / 5, 0);
      const [few, many] = [mean(10), mean(1000)];
      assert.ok(many < 0.03, `${many}`);
      assert.ok(many < few / 2, `${few}, ${many}`);
    });
  }
});

test("an opening is kept, and a character that is asked for may not complete a copy", () => {
  const plan = planOf(3, [4, 1]);
  const lines = run(writeLine(rules(), start(), plan, 0, null, 20));
  assert.ok(lines.length > 1);
  assert.ok(lines.every(({ text }) => /^路山.$/u.test(text)));
  /** Forbids 山 after 路, unless as many characters before it were given. */
  const guardOf = (most) => ({ banned: (ids, limit, given) => (ids.at(-1) === 4 && given < most ? [1] : []) });
  const guarded = (most) => run(writeLine({ ...rules(), guard: guardOf(most) }, start(), plan, 0, null, 20));
  assert.ok(guarded(1).length > 0); // both characters are given
  assert.deepEqual(guarded(2), []);
});

test("what is banned is not written, nor what the guard forbids", () => {
  const guard = { banned: (ids) => (ids.at(-1) === 1 ? [1, 2, 3] : []) };
  const lines = run(writeLine({ ...rules(), banned: [5], guard }, start(), planOf(3), 0, null, 60));
  assert.ok(lines.length > 5);
  for (const { text } of lines) assert.doesNotMatch(text, /古|山[山安前]/u);
});

test("a gap is drawn from what ends a phrase: the end of a line or a space", () => {
  const spaced = new Alphabet(new Vocabulary("\n 山安前路古"), RHYMES);
  const other = { ...rules(), alphabet: spaced, model: network(spaced.size, { seed: 3 }) };
  const lines = run(writeLine(other, { ...start(), state: other.model.start() }, { ...planOf(3), gaps: [2] }, 0, null, 40));
  assert.ok(lines.length > 5);
  for (const { text } of lines) assert.match(text, /^[^ ]{2} [^ ]$/u);
});

test("selection prefers lines that do not repeat", () => {
  const plan = planOf(4);
  const repeated = (selection) => {
    const lines = run(writeLine(rules({ selection }), start(), plan, 0, null, 100));
    const total = lines.reduce((sum, { logWeight }) => sum + Math.exp(logWeight), 0);
    const same = lines.filter(({ text }) => new Set(text).size < 4);
    return same.reduce((sum, { logWeight }) => sum + Math.exp(logWeight) / total, 0);
  };
  const [without, selected] = [repeated(0), repeated(5)];
  assert.ok(selected < without * 0.7, `${without}, ${selected}`);
});

test("a score is likelihood, repeats and the judge's odds together", () => {
  const lines = [{ text: "山路", nll: 6 }, { text: "路路", nll: 3 }];
  const scores = lineScores("古\n", lines, DOCUMENT.constants, { logOdds: (_, texts) => texts.map((text) => text.length) });
  [-0.3 * 1.5 + 2, 0.3 * 1.5 - 0.5 + 2].forEach((score, i) => assert.ok(Math.abs(scores[i] - score) < 1e-9));
});

test("the share is what is allowed of the probability at the temperature, however little", () => {
  const off = { temperature: 0.5, topK: 0, topP: 1, minP: 0, greedy: false };
  const logits = Float32Array.of(0, 1, 2);
  const weights = [...logits].map((logit) => Math.exp(logit / 0.5));
  const { ids, nlls, share } = drawWeighed(logits, off, Uint8Array.of(1, 1, 0), [0, 0.5, 0.999]);
  assert.deepEqual(ids, [0, 1, 1]);
  assert.ok(Math.abs(share - Math.log((weights[0] + weights[1]) / (weights[0] + weights[1] + weights[2]))) < 1e-9);
  const total = [...logits].reduce((sum, logit) => sum + Math.exp(logit), 0);
  assert.ok(Math.abs(nlls[1] - Math.log(total) + 1) < 1e-6);
  assert.equal(drawWeighed(logits, off, new Uint8Array(3), [0.5]).share, -Infinity);
  const far = drawWeighed(Float32Array.of(1000, 0, -1), off, Uint8Array.of(0, 1, 1), [0.1, 0.95]);
  assert.deepEqual(far.ids, [1, 2]);
  assert.ok(Math.abs(far.share + 2000) < 1);
  assert.deepEqual(drawWeighed(logits, { ...off, topK: 1 }, Uint8Array.of(1, 1, 0), [0, 0.9]).ids, [1, 1]);
  assert.deepEqual(drawWeighed(logits, { ...off, greedy: true }, Uint8Array.of(1, 1, 0), [0]).ids, [1]);
});

test("the judge gives the golden log odds, which Python gives too", () => {
  const bytes = [];
  const tensors = Object.entries(golden.weights).map(([name, { shape, values }]) => {
    const at = bytes.length;
    bytes.push(...new Uint8Array(Float32Array.from(values).buffer));
    return { name, shape, type: "float32", at };
  });
  const weights = btoa(String.fromCharCode(...bytes));
  const judge = new LineJudge({ tensors, weights, ...constants }, new Vocabulary(golden.characters));
  for (const [before, odds] of Object.entries(golden.odds)) {
    judge.logOdds(before, golden.lines).forEach((one, i) => assert.ok(Math.abs(one - odds[i]) < 2e-3, `${before}: ${one}, ${odds[i]}`));
  }
});
