// The exported page: one HTML file that holds a model and writes with it, offline. This script reads the model from the
// page, writes texts line by line, and offers other lines for each.

import { browserLanguage, byId, copyText, element, inputById } from "../shared/dom.js";
import { readStorage, saveText, setStatus, showLanguage, showPhrases, writeStorage } from "../shared/dom.js";
import { units } from "./form.js";
import { LineJudge } from "./line_judge.js";
import { fillSheet } from "./markup.js";
import { decodeMixture } from "./mixture.js";
import { Model, decodeWeights, fromBase64 } from "./model.js";
import { CopyGuard, Fingerprint } from "./originality.js";
import { PHRASES } from "./phrases.js";
import { SettingsForm } from "./settings.js";
import { Sheet } from "./sheet.js";
import { Vocabulary } from "./vocabulary.js";
import { Writer } from "./writer.js";

/** @import {Language, Mark, Row} from "../shared/types.js" */
/** @import {GivePhrases, PageDocument, WriteSettings} from "./types.js" */
/** @import {WrittenText} from "./writer.js" */

const CANDIDATES = 7; // lines to write in the place of one; one of them may be the line itself
const CHARACTERS_PER_FRAME = 2; // slow enough to read along
const FRAME = 16; // milliseconds

/** @type {PageDocument} */
const data = JSON.parse(byId("model").textContent ?? "");
const copyWindow = data.constants.copy_window;
const vocabulary = new Vocabulary(data.characters);
const mixture = data.mixture && decodeMixture(data.mixture.arrays, fromBase64(data.mixture.data));
const model = new Model(data.config, decodeWeights(data.tensors, fromBase64(data.weights)), mixture);
const fingerprint = data.fingerprint ? new Fingerprint(fromBase64(data.fingerprint), copyWindow) : null;
const writer = new Writer(model, vocabulary, data, data.rhymes ?? {}, {
  guard: fingerprint && new CopyGuard(fingerprint, vocabulary),
  judge: data.judge && new LineJudge(data.judge, vocabulary),
});
const lineBreak = vocabulary.characters[vocabulary.lineBreak] ?? "\n";
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const storageKey = `zuoci ${data.identity}`;

/** @type {Language} */
let language = browserLanguage();
let running = 0; // the number of the run that is writing; 0: none
let runs = 0;
/** @type {((t: GivePhrases) => string)[]} */
let notes = []; // what was done last, for the status line

fillSheet(byId("sheet"));
const form = new SettingsForm(data, Boolean(data.rhymes), phrases, store);
/** @type {Sheet} */
const sheet = new Sheet(byId("lines"), {
  phrases,
  marks: marksOf,
  letters: (lines) => lines.map((_, i) => form.letter(i)),
  suggest,
  busy: () => running > 0,
  home: byId("opening"),
  changed() {
    notes = [];
    showState();
  },
  taken(number) {
    notes = [(t) => t.taken(number)];
    showStatus();
  },
  toggled(number, locked) {
    notes = [(t) => (locked ? t.locked(number) : t.unlocked(number))];
    showStatus();
  },
});

function phrases() {
  return PHRASES[language];
}

// Writing

/**
 * Writes a text from an opening, around the lines that are locked.
 * @param {string} opening
 * @param {boolean} continues the opening is the text so far, which stays as it is
 */
async function write(opening, continues) {
  stop();
  const run = (running = ++runs);
  const settings = form.values();
  sheet.close();
  const kept = continues ? sheet.rows : [];
  /** @type {Map<number, Row>} */
  const locked = new Map([...(continues ? [] : sheet.rows).entries()].filter(([, row]) => row.locked));
  const adapted = vocabulary.adapt(locked.has(0) ? "" : opening);
  sheet.change([...kept, ...locked.values()]);
  notes = [(t) => t.writing];
  showStatus();
  showButtons();
  const stream = writer.write(adapted.text, {
    ...settings,
    lines: Math.max(kept.length + settings.lines, ...[...locked.keys()].map((i) => i + 1)),
    locked: new Map([...locked].map(([i, { text }]) => [i, text])),
  });
  const start = continues ? "" : adapted.text; // kept lines may hold characters that the model does not know
  let shown = ""; // what is on the page of `text`, the text so far
  let text = "";
  let next = stream.next();
  while ((!next.done || shown !== text) && running === run) {
    const until = performance.now() + FRAME;
    do {
      text = next.done ? next.value.text : next.value;
      if (!next.done) next = stream.next();
    } while (!next.done && performance.now() < until);
    if (next.done) text = next.value.text;
    const atOnce = reducedMotion.matches || document.hidden;
    shown = atOnce ? text : [...text].slice(0, alike(text, shown) + CHARACTERS_PER_FRAME).join("");
    sheet.rows = [...kept, ...rowsOf(start + shown, locked)];
    showLines(kept.length);
    await new Promise((resolve) => setTimeout(resolve, next.done && !atOnce ? FRAME : 0));
  }
  if (running && running !== run) return; // another run has begun
  running = 0;
  finish(settings, adapted.unknown, next.done ? next.value : null);
}

/** The lines of a text, none of them empty, and the locked ones after it. @param {string} text @param {Map<number, Row>} locked */
function rowsOf(text, locked) {
  const lines = text.split(lineBreak).filter(Boolean);
  const written = lines.map((line, i) => locked.get(i) ?? { text: line, locked: false });
  return [...written, ...[...locked].filter(([i]) => i >= lines.length).map(([, row]) => row)];
}

/** How many characters two texts begin with alike. @param {string} a @param {string} b */
function alike(a, b) {
  const [ofA, ofB] = [[...a], [...b]];
  const first = ofB.findIndex((char, i) => char !== ofA[i]);
  return first < 0 ? ofB.length : first;
}

/**
 * Reports on a run.
 * @param {WriteSettings} settings
 * @param {string} unknown characters
 * @param {WrittenText | null} written null: it was stopped
 */
function finish(settings, unknown, written) {
  const dropped = unknown + vocabulary.adapt(settings.acrostic + settings.words.join("")).unknown;
  notes = [(t) => t.wrote({ lines: sheet.rows.length, seed: settings.seed })];
  if (dropped) notes.push((t) => t.unknown(dropped));
  if (written?.broken) notes.push((t) => t.broken);
  if (written?.unplaced.length) notes.push((t) => t.unplaced(written.unplaced));
  if (settings.lengths.some((parts) => parts.length > 1) && writer.alphabet.space < 0) notes.push((t) => t.noSpace);
  showLines();
  showState();
}

function stop() {
  running = 0;
}

// Lines

/** Copied spans of the whole text. @param {string[]} [lines] */
function copiedSpans(lines = sheet.lines) {
  return fingerprint ? fingerprint.copied(lines.join(lineBreak)) : [];
}

/** Copied spans of each line. @param {string[]} lines @returns {Mark[][]} */
function marksOf(lines) {
  const copied = copiedSpans(lines);
  let begin = 0; // code points before the line
  return lines.map((line) => {
    const length = [...line].length;
    const from = begin;
    begin += length + 1;
    const inside = copied.filter(({ start, end }) => start < from + length && end > from);
    return inside.map(({ start, end }) => ({ start: start - from, end: end - from, source: phrases().copiedHere }));
  });
}

/** Lines that could replace line `i`. @param {number} i @param {number} round each one brings other lines */
async function suggest(i, round) {
  const settings = form.values();
  const { lines } = sheet;
  const opening = i === 0 ? vocabulary.adapt(inputById("opening").value).text : "";
  const before = lines.slice(0, i).map((line) => line + lineBreak).join("") + opening;
  const steps = writer.candidates(before, settings, CANDIDATES, lines.slice(i + 1), round, wordsOf(i, settings.words));
  let next = steps.next();
  for (let until = performance.now() + FRAME; !next.done; next = steps.next()) {
    if (performance.now() < until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    until = performance.now() + FRAME;
  }
  const texts = next.value.map(({ text }) => ({ text: opening + text }));
  return texts.filter(({ text }) => text !== lines[i]).slice(0, CANDIDATES - 1);
}

/**
 * The words that only line `i` has of those that must appear, each with the syllables before it.
 * @param {number} i
 * @param {readonly string[]} words
 * @returns {[number, string][]}
 */
function wordsOf(i, words) {
  const { lines } = sheet;
  const only = words.filter((word) => lines[i].includes(word) && !lines.toSpliced(i, 1).some((line) => line.includes(word)));
  return only.map((word) => [units([...lines[i].slice(0, lines[i].indexOf(word))]).length, word]);
}

// What is shown

/** Shows the lines from one on. @param {number} [from] */
function showLines(from = 0) {
  sheet.show(from);
  byId("blank").hidden = sheet.rows.length > 0;
}

function showState() {
  byId("blank").hidden = sheet.rows.length > 0;
  showStatus();
  showButtons();
  store();
}

function showStatus() {
  const t = phrases();
  const parts = notes.map((note) => note(t));
  if (fingerprint && sheet.rows.length && !running) {
    const copied = copiedSpans();
    parts.push(t.copied(copied.length, Math.max(0, ...copied.map(({ start, end }) => end - start)), copyWindow));
  }
  setStatus(byId("status"), parts.join(language === "zh" ? "；" : "; "));
}

function showButtons() {
  const focused = document.activeElement;
  byId("write").hidden = running > 0;
  byId("stop").hidden = running === 0;
  if (focused?.id === "write" && running) byId("stop").focus();
  if (focused?.id === "stop" && !running) byId("write").focus();
  const empty = sheet.rows.length === 0;
  const off = { add: false, undo: !sheet.past.length, redo: !sheet.future.length, clear: empty, continue: empty, copy: empty, save: empty };
  for (const [id, isOff] of Object.entries(off)) byId(id).ariaDisabled = String(isOff || running > 0);
}

/** What the page says about its model. @returns {string[]} */
function facts() {
  const t = phrases();
  const { report, loss, precision } = data;
  const trained = report.songs ? [t.trainedOn(report.songs, report.characters ?? 0)] : [];
  const [validation, baseline] = [report.validation?.perplexity, report.baseline?.perplexity];
  const heldOut = validation && baseline ? [t.heldOut(validation, baseline)] : [];
  const [before, after] = [loss?.before.perplexity, loss?.after.perplexity];
  const measured = before && after ? t.loss(precision, before, after) : t.lossUnknown(precision);
  const size = t.size(vocabulary.size, data.parameters);
  const originality = fingerprint ? t.checked(copyWindow) : t.unchecked;
  return [...trained, size, ...heldOut, measured, t.offline, originality, t.caution];
}

function showTexts() {
  sheet.close();
  showLanguage(language, phrases());
  showPhrases(phrases());
  form.showPhrases();
  byId("facts").replaceChildren(...facts().map((fact) => element("li", { textContent: fact })));
  showLines();
  showState();
}

// The browser's storage

function store() {
  const fields = { ...form.stored(), opening: inputById("opening").value };
  const rows = sheet.rows.filter(({ text }) => text.trim());
  writeStorage(storageKey, { language, rows, fields });
}

function restore() {
  const stored = readStorage(storageKey);
  if (stored.language in PHRASES) language = stored.language;
  const rows = Array.isArray(stored.rows) ? stored.rows : [];
  sheet.rows = rows.filter((row) => row && typeof row.text === "string").map(({ text, locked }) => ({ text, locked: locked === true }));
  const fields = stored.fields ?? {};
  form.restore(fields);
  if (typeof fields.opening === "string") inputById("opening").value = fields.opening;
}

async function copy() {
  await copyText(sheet.lines.join("\n"));
  notes = [(t) => t.copiedText];
  showStatus();
}

function listen() {
  const opening = inputById("opening");
  /** @type {Record<string, () => void>} */
  const actions = {
    write: () => write(opening.value, false),
    continue: () => write(sheet.lines.join(lineBreak) + lineBreak, true),
    stop,
    add: () => sheet.insert(sheet.rows.length),
    undo: () => sheet.undo(),
    redo: () => sheet.redo(),
    clear: () => sheet.clear(),
    copy,
    save: () => saveText(sheet.lines, data.title || "zuoci"),
    language: () => {
      language = language === "zh" ? "en" : "zh";
      showTexts();
    },
  };
  for (const [id, action] of Object.entries(actions)) {
    byId(id).addEventListener("click", () => byId(id).ariaDisabled === "true" || action());
  }
  opening.addEventListener("change", store);
  opening.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) write(opening.value, false);
  });
  form.rhyme.addEventListener("change", () => showLines());
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") return running ? stop() : sheet.close(true);
    const typing = event.target instanceof HTMLInputElement && event.target.type !== "range"; // it has an undo of its own
    if (typing || running || event.altKey || !(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) sheet.redo();
    else sheet.undo();
  });
}

byId("rhyme-field").hidden = !data.rhymes;
byId("max-copy-field").hidden = !fingerprint;
if (matchMedia("(max-width: 52rem)").matches) byId("settings", HTMLDetailsElement).open = false;
restore();
showTexts();
listen();
