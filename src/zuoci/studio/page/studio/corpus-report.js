// What was found in a corpus, in words: the report that `zuoci corpus` prints.

import { button, element } from "../shared/dom.js";
import { formatNumber } from "../shared/format.js";
import { say } from "./messages.js";

/** @import {CorpusFile, CorpusInfo, CorpusText, Phrases} from "./types.js" */

const OPEN_FILES = 8; // a list of more is folded
const SHOWN_NAMES = 3; // of files that are no texts

/**
 * The report of a corpus.
 * @param {CorpusInfo} corpus
 * @param {Phrases} t
 * @param {{remove: (number: number) => void, unfolded: boolean, unfold: (open: boolean) => void}} page
 * @returns {HTMLElement[]}
 */
export function renderReport(corpus, t, page) {
  const { files, error, examples, characters } = corpus;
  const bad = files.filter((file) => file.error);
  const good = files.filter((file) => !file.error);
  /** @param {CorpusFile[]} shown */
  const list = (shown) => element("ul", { className: "files" }, ...shown.map((file) => fileItem(file, t, page.remove)));
  const facts = characters ? reportFacts(corpus, t) : [];
  const summary = element("p", { className: "corpus-summary", textContent: t.corpusFound(corpus) });
  return [
    ...(characters ? [summary] : []),
    ...(error ? [element("p", { className: "problem", textContent: say(t, error) })] : []),
    ...(characters && !error ? [element("p", { className: "verdict", textContent: say(t, corpus.verdict) })] : []),
    element("ul", { className: "report" }, ...facts.map((textContent) => element("li", { textContent }))),
    ...(examples.length ? [blockquote(examples)] : []),
    ...(bad.length ? [list(bad)] : []),
    ...(good.length > OPEN_FILES ? [folded(t.filesRead(good.length), list(good), page)] : good.length ? [list(good)] : []),
  ];
}

/** @param {string} title @param {HTMLElement} body @param {{unfolded: boolean, unfold: (open: boolean) => void}} page */
function folded(title, body, { unfolded, unfold }) {
  const part = element("details", { className: "more", open: unfolded }, element("summary", { textContent: title }), body);
  part.addEventListener("toggle", () => unfold(part.open));
  return part;
}

/** @param {string[]} examples */
function blockquote(examples) {
  const lines = examples.slice(0, 4).map((line) => element("p", { textContent: line }));
  return element("blockquote", { className: "examples" }, ...lines);
}

/**
 * The facts of a report, a sentence each. Where there is nothing to say, nothing is said.
 * @param {CorpusInfo} corpus
 * @param {Phrases} t
 * @returns {string[]}
 */
export function reportFacts({ lines, sections, files, duplicates, duplicate_groups: groups, common, once, rare }, t) {
  const dropped = sum(files.flatMap(({ texts }) => texts.map((text) => text.dropped)));
  const leftOut = files.flatMap((file) => file.left_out.map(({ why }) => ({ [why]: 1 })));
  return [
    t.lineLengths(lines),
    t.rhymesFound(lines),
    Object.keys(sections).length ? t.sectionsFound(sections) : "",
    Object.keys(dropped).length ? t.droppedFound(dropped) : "",
    leftOut.length ? t.leftOutFound(sum(leftOut)) : "",
    groups ? t.duplicatesFound(duplicates, groups) : "",
    common.length ? t.commonCharacters(common.map(([char]) => char).join(" "), once, [...rare].filter((char) => char.trim()).join(" ")) : "",
  ].filter(Boolean);
}

/** Adds counts up. @param {Record<string, number>[]} counts */
function sum(counts) {
  /** @type {Record<string, number>} */
  const all = {};
  for (const [kind, count] of counts.flatMap((one) => Object.entries(one))) all[kind] = (all[kind] ?? 0) + count;
  return all;
}

/** @param {CorpusFile} file @param {Phrases} t @param {(number: number) => void} remove */
function fileItem(file, t, remove) {
  const { number, name, bytes, texts, left_out: leftOut, error } = file;
  const removeButton = button("×", () => remove(number));
  removeButton.ariaLabel = t.removeFile(name);
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const [only] = texts.length === 1 && !texts[0].name ? texts : [];
  const facts = element("small", { textContent: [size, ...(only ? textFacts(only, t) : [])].join(" · ") });
  const members = only ? droppedLines(only, t) : texts.map((text) => memberItem(text, t));
  const omitted = leftOut.map(({ name: member, why, reason }) =>
    element("li", { textContent: `${member} · ${reason ? say(t, reason) : (t.leftOutKinds[why] ?? why)}` }),
  );
  const details = [...members, ...omitted];
  return element(
    "li",
    {},
    element("span", {}, element("b", { textContent: name }), " ", facts),
    removeButton,
    ...(error ? [element("p", { className: "problem", textContent: say(t, error) })] : []),
    ...(details.length ? [fileDetails(details, only ? t.droppedLines : t.textsInFile(texts.length))] : []),
  );
}

/** @param {HTMLElement[]} items @param {string} title */
function fileDetails(items, title) {
  return element("details", {}, element("summary", { textContent: title }), element("ul", { className: "dropped" }, ...items));
}

/** @param {CorpusText} text @param {Phrases} t */
function memberItem(text, t) {
  const facts = element("small", { textContent: textFacts(text, t).join(" · ") });
  return element("li", {}, element("b", { textContent: text.name }), " ", facts, element("ul", {}, ...droppedLines(text, t)));
}

/** How a text was read. @param {CorpusText} text @param {Phrases} t */
function textFacts({ format, encoding, songs, characters, dropped, notes }, t) {
  return [
    t.formats[format] ?? format,
    encoding,
    t.textSize(songs, characters),
    Object.keys(dropped).length ? t.droppedFound(dropped) : "",
    ...notes.map((note) => say(t, note)),
  ].filter(Boolean);
}

/** @param {CorpusText} text @param {Phrases} t */
function droppedLines({ lines, dropped }, t) {
  const more = Object.values(dropped).reduce((all, count) => all + count, 0) - lines.length;
  const items = lines.map(([number, why, text]) =>
    element("li", {}, element("small", { textContent: `${t.lineNumber(number)} · ${t.droppedKinds[why] ?? why} ` }), text),
  );
  return [...items, ...(more > 0 ? [element("li", { textContent: t.andMore(more) })] : [])];
}

/** The names of files that were not sent. @param {{name: string}[]} files */
export function someNames(files) {
  const names = files.slice(0, SHOWN_NAMES).map(({ name }) => name.split("/").at(-1));
  return names.join(", ") + (files.length > SHOWN_NAMES ? " …" : "");
}

/** A size in bytes, for people. @param {number} bytes */
export const megabytes = (bytes) => `${formatNumber(bytes / 2 ** 20, bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;
