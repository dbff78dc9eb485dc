import assert from "node:assert/strict";
import { test } from "node:test";

import { CopyGuard, Fingerprint } from "../../src/zuoci/studio/page/give/originality.js";
import { fromBase64 } from "../../src/zuoci/studio/page/give/model.js";
import { Vocabulary } from "../../src/zuoci/studio/page/give/vocabulary.js";

// zuoci.export.html.page_document(…)["fingerprint"] of the one song "山前山后两条路，路上行人唱着歌。", and of that
// of ENGLISH.
const LYRICS = "山前山后两条路，路上行人唱着歌。";
const FINGERPRINT = "mn+oswtRYC6ZKjJWh5dF+/a1tmAEvOHUbqbkxBy1HzIlCc9Q2FmX03of+3/i";
const WINDOW = 8;
const ENGLISH = "we ran along the river till the evening came to us again";
const ENGLISH_FINGERPRINT = "7wbaLgCDgPLhA3gy7GsO19ZO+RDQKd06EyilrYYUqRRq5xUAUi/0JfSPYDMnHJTEAjfifUD5Q9IM9MtKTpPl1VUYuCuwXTA7fu5ewXWWoGUQfuSmahzufoJrSkZEMW2I+/yjbVvV0dp/4anMDYS4IEf9hYzHBEmNa8QFW4/+S8SAltfTnxabFU23bKL6IxIYqEgpLT2oHm+3OavjnLslrJk17y+t8+OFna5YJVVzsilPc4yz2u0UJLQV0p/ztcYfQve5UUf3YsNLnAAQyYg4yCTJMc2SO8kfjl+yyvf4TyLdQGeSR+bgr7d+7jsaQKfwapz44/o=";

function copied(text) {
  const spans = new Fingerprint(fromBase64(FINGERPRINT), WINDOW).copied(text);
  return spans.map(({ start, end }) => [...text].slice(start, end).join(""));
}

test("a span is as long as the copy goes", () => {
  assert.deepEqual(copied(LYRICS), [LYRICS]);
  assert.deepEqual(copied(`听${LYRICS.slice(0, 10)}听`), [LYRICS.slice(0, 10)]);
});

test("less than a window is no copy", () => {
  assert.deepEqual(copied(LYRICS.slice(0, WINDOW - 1)), []);
  assert.deepEqual(copied(LYRICS.slice(0, WINDOW)), [LYRICS.slice(0, WINDOW)]);
});

test("spans count code points", () => {
  const text = `𠮷𠮷${LYRICS.slice(2, 12)}𠮷`;
  assert.deepEqual(copied(text), [LYRICS.slice(2, 12)]);
});

test("an empty fingerprint finds nothing", () => {
  assert.deepEqual(new Fingerprint(new Uint8Array(0), WINDOW).copied(LYRICS), []);
});

test("the guard forbids the character that would complete a copied window, and no other", () => {
  const vocabulary = new Vocabulary([...new Set(`${LYRICS}海\n`)].join(""));
  const guard = new CopyGuard(new Fingerprint(fromBase64(FINGERPRINT), WINDOW), vocabulary);
  const banned = (text) => vocabulary.decode(guard.banned([...text].map((char) => vocabulary.ids.get(char)), WINDOW - 1));
  for (let i = 0; i + WINDOW <= LYRICS.length; i++) {
    assert.equal(banned(LYRICS.slice(i, i + WINDOW - 1)), LYRICS[i + WINDOW - 1]);
    assert.equal(banned(`海${LYRICS.slice(i + 1, i + WINDOW - 1)}`), "");
  }
  assert.equal(banned(`海海${LYRICS.slice(0, WINDOW - 1)}`), LYRICS[WINDOW - 1]);
  assert.equal(banned(LYRICS.slice(0, WINDOW - 2)), "");
});

test("a higher limit forbids what would make a longer copy", () => {
  const vocabulary = new Vocabulary([...new Set(`${LYRICS}海`)].join(""));
  const guard = new CopyGuard(new Fingerprint(fromBase64(FINGERPRINT), WINDOW), vocabulary);
  const banned = (text, limit, given) =>
    vocabulary.decode(guard.banned([...text].map((char) => vocabulary.ids.get(char)), limit, given));
  assert.equal(banned(LYRICS.slice(0, 9), 9), LYRICS[9]);
  assert.equal(banned(`海${LYRICS.slice(1, 9)}`, 9), "");
  assert.equal(banned(LYRICS.slice(0, 9), 7), LYRICS[9]);
  assert.equal(banned(LYRICS.slice(0, 9), 9, 8), LYRICS[9]);
  assert.equal(banned(LYRICS.slice(0, 9), 9, 9), "", "all of it was given");
});

test("copies are counted in words where letters have case, and a word that has begun may end", () => {
  const vocabulary = new Vocabulary([...new Set(ENGLISH)].join(""));
  const guard = new CopyGuard(new Fingerprint(fromBase64(ENGLISH_FINGERPRINT), WINDOW), vocabulary);
  const banned = (text) => vocabulary.decode(guard.banned([...text].map((char) => vocabulary.ids.get(char)), WINDOW - 1));
  const words = ENGLISH.split(" ");
  for (let n = 1; n < words.length; n++) {
    const before = `${words.slice(0, n).join(" ")} `;
    assert.equal(banned(before), n < WINDOW - 1 ? "" : words[n][0], before);
    if (words[n].length > 1) assert.equal(banned(before + words[n][0]), "", `${before}${words[n][0]}`);
  }
});
