import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { reportFacts } from "../../src/zuoci/studio/page/studio/corpus-report.js";
import { MESSAGES, say } from "../../src/zuoci/studio/page/studio/messages.js";
import { PHRASES } from "../../src/zuoci/studio/page/studio/phrases.js";
import { secondsLeft } from "../../src/zuoci/studio/page/studio/time-left.js";

const SOURCE = new URL("../../src/zuoci/", import.meta.url);

/** The Python files below the folders of which a page shows messages. */
const python = ["text", "server", "studio", "writing", "training", "model", "export"]
  .flatMap((room) => readdirSync(new URL(`${room}/`, SOURCE), { recursive: true }).map((file) => new URL(`${room}/${file}`, SOURCE)))
  .filter(({ pathname }) => pathname.endsWith(".py"))
  .map((file) => readFileSync(file, "utf-8"));

/** Every code of a message of the server, and a template that has it. */
function* templates() {
  for (const text of python) {
    for (const [, code] of text.matchAll(/\bMessage\(\s*"(\w+)"/g)) yield code;
    for (const [, code] of text.matchAll(/\bcode(?:, words)? = "([a-z_]+)"/g)) yield code;
    for (const [, code] of text.matchAll(/\bcode="([a-z_]+)"/g)) yield code;
  }
}

describe("messages of the server", () => {
  test("each has a Chinese phrase", () => {
    const codes = [...new Set(templates())];
    assert.ok(codes.length > 60);
    assert.deepEqual(codes.filter((code) => !(code in MESSAGES.zh)), []);
  });

  test("no phrase is of a code that there is no more", () => {
    const codes = new Set(templates());
    /** Some codes are put together, as `is_pdf` and `model_not_found`. */
    const parts = (code) => [`"${code}"`, `"${code.split("_")[1]}"`, `_${code.split("_").slice(1).join("_")}"`];
    const known = (code) => /^\d+$/.test(code) || codes.has(code) || python.some((text) => parts(code).some((part) => text.includes(part)));
    assert.deepEqual(Object.keys(MESSAGES.zh).filter((code) => !known(code)), []);
    assert.deepEqual(Object.keys(MESSAGES.en).filter((code) => !(code in MESSAGES.zh)), []);
  });

  test("a phrase takes its values from the message; what has none is said as the server says it", () => {
    const message = { code: "too_few", params: { characters: 12, least: 200 }, text: "12 characters are too few" };
    assert.equal(say(PHRASES.zh, message), "只有 12 字，太少了；至少要 200 字。");
    assert.equal(say(PHRASES.en, message), "12 characters are too few");
    assert.equal(say(PHRASES.zh, { code: "", params: {}, text: "as it is" }), "as it is");
  });
});

describe("the report of a corpus", () => {
  const corpus = {
    lines: { count: 30, median: 7.5, shortest: 3, longest: 12, usual: [[7, 20]], couplets: 0.5, alternate: 0.25, rhymes: [["zh:江阳", 9]] },
    sections: { chorus: 2 },
    files: [
      { texts: [{ dropped: { "credit lines": 2 } }, { dropped: { "credit lines": 1 } }], left_out: [{ why: "files that are not text" }] },
    ],
    duplicates: [["一", "二"]],
    duplicate_groups: 1,
    common: [["我", 9]],
    once: 1,
    rare: "鸳",
  };

  test("says in words what there is", () => {
    assert.deepEqual(reportFacts(corpus, PHRASES.zh), [
      "每行 3 到 12 字，中位数 7.5；最多的是 7 字（20 行）",
      "50% 的行与上一行押韵，25% 与再上一行押韵；最多的韵：江阳（9 行）",
      "标出的段落：2 段副歌",
      "不用于训练：3 处作者信息",
      "没有读取：1 个不是文本的文件",
      "几乎相同的歌，共 1 组：《一》《二》",
      "最常见的字：我；只出现一次的有 1 个，如 鸳",
    ]);
    assert.equal(reportFacts(corpus, PHRASES.en)[3], "Not trained on: credit lines (3)");
  });

  test("says nothing of what there is not", () => {
    const less = { ...corpus, sections: {}, files: [], duplicates: [], duplicate_groups: 0, common: [] };
    assert.equal(reportFacts(less, PHRASES.en).length, 2);
  });

  test("every kind of dropped line has a name", () => {
    const kinds = new Set(
      python.flatMap((text) => [...text.matchAll(/^[A-Z_, ]+ = ("[a-zA-Z ]+"(?:, "[a-zA-Z ]+")*)$/gm)].flatMap(([, names]) => JSON.parse(`[${names}]`))),
    );
    const { droppedKinds, leftOutKinds } = PHRASES.zh;
    for (const kind of [...Object.keys(droppedKinds), ...Object.keys(leftOutKinds)]) assert.ok(kinds.has(kind), kind);
    for (const kind of ["credit lines", "section marks", "ID tags", "translations"]) assert.ok(kind in droppedKinds);
  });
});

test("the time that is left: by the steps, else by the budget", () => {
  assert.equal(secondsLeft({ step: 0, steps: 0, seconds: 60, elapsed: 0 }), 60);
  assert.equal(secondsLeft({ step: 30, steps: 90, seconds: 60, elapsed: 10 }), 20);
  assert.equal(secondsLeft({ step: 0, steps: 0, seconds: 60, elapsed: 70 }), 0);
  assert.equal(secondsLeft({ step: 0, steps: 0, seconds: 0, elapsed: 0 }), null);
});
