// The page that is given away: an opening, lines as they are written, and for each line others to take instead.

import { Model, decodeWeights, fromBase64 } from "./model.js";
import { Vocabulary } from "./vocabulary.js";
import { Writer } from "./writer.js";
import { Fingerprint } from "./originality.js";
import { by, copyText, element, recall, remember, saveText, say, speak } from "../shared/dom.js";
import { Sheet } from "../shared/sheet.js";
import { WORDS } from "../shared/words.js";

const CANDIDATES = 24; // lines that are drawn
const SHOWN = 6; // of them
const PACE = 2; // characters a frame, so that one can read along
const FRAME = 16; // milliseconds
const LONGEST_LENGTH = 24; // what a line may be asked to count

const data = JSON.parse(by("model").textContent);
const vocabulary = new Vocabulary(data.characters);
const model = new Model(data.config, decodeWeights(data.tensors, fromBase64(data.weights)));
const writer = new Writer(model, vocabulary, data.rhymes ?? {});
const fingerprint = data.fingerprint && new Fingerprint(fromBase64(data.fingerprint));
const newline = vocabulary.characters[vocabulary.lineBreak] ?? "\n"; // what the model takes for one
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const FIELDS = ["opening", "count", "temperature", "lengths", "acrostic", "rhyme", "top-p", "min-p", "top-k", "banned", "seed"];
const memory = `zuoci ${data.identity}`;
const sheet = new Sheet(by("lines"), {
  words,
  marks: marksOf,
  letters: (lines) => lines.map((_, i) => rhymeOf(i)),
  suggest: async (i, round) => suggest(i, round),
  busy: () => running > 0,
  home: by("opening"),
  changed() {
    notes = [];
    showState();
  },
  notice(name, n) {
    notes = [(t) => t[name](n)];
    showStatus();
  },
});

let language = navigator.language.startsWith("zh") ? "zh" : "en";
let running = 0; // which writing is under way; 0: none
let runs = 0;
let notes = []; // functions of the words, that say what was done

function words() {
  return WORDS[language];
}

// What was asked for

function wish() {
  const number = (id) => Number(by(id).value);
  const seed = by("seed").value === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : number("seed");
  return {
    lines: Math.min(Math.max(Math.round(number("count")) || 1, 1), 100),
    temperature: number("temperature"),
    lengths: lengths() ?? [],
    acrostic: by("acrostic").value,
    rhyme: by("rhyme").value,
    topP: Math.min(Math.max(number("top-p"), 0), 1) || 1,
    minP: Math.min(Math.max(number("min-p"), 0), 1),
    topK: Math.max(Math.round(number("top-k")), 0),
    banned: by("banned").value,
    seed: Number.isSafeInteger(seed) && seed >= 0 ? seed : 0,
  };
}

/** The lengths of lines; null if the field holds anything else. */
function lengths() {
  const parts = by("lengths").value.split(/[\s,，、/]+/u).filter(Boolean).map(Number);
  return parts.every((part) => Number.isInteger(part) && part >= 1 && part <= LONGEST_LENGTH) ? parts : null;
}

function checkLengths() {
  const sound = lengths() !== null;
  by("lengths").setAttribute("aria-invalid", String(!sound));
  by("lengths-help").textContent = sound ? words().lengthsHelp : words().wrongLengths;
}

function rhymeOf(line) {
  const scheme = [...by("rhyme").value];
  const letter = scheme.length ? scheme[line % scheme.length] : "-";
  return letter === "-" ? "" : letter;
}

// Writing

async function write(opening, more) {
  stop();
  const run = (running = ++runs);
  const asked = wish();
  sheet.close();
  const kept = more ? sheet.rows : [];
  const total = kept.length + asked.lines;
  const { text: begun, unknown } = vocabulary.adapt(opening);
  sheet.change(kept);
  notes = [(t) => t.writing];
  showStatus();
  showButtons();
  const stream = writer.write(begun, { ...asked, lines: total });
  let text = more ? "" : begun; // the lines that are there stay as they are, with characters that only a person knows
  let next = stream.next();
  while (!next.done && running === run) {
    const until = performance.now() + FRAME;
    const whole = calm.matches || document.hidden; // no frames to wait for
    for (let n = 0; !next.done && (whole ? performance.now() < until : n < PACE); n++) {
      text += next.value.char;
      next = stream.next();
    }
    sheet.rows = [...kept, ...text.split(newline).filter(Boolean).map((line) => ({ text: line, locked: false }))];
    showLines(sheet.rows.length - 1);
    await new Promise((resolve) => setTimeout(resolve, whole ? 0 : FRAME));
  }
  if (running && running !== run) return; // another one has begun
  running = 0;
  notes = [(t) => t.wrote({ lines: sheet.rows.length, seed: asked.seed })];
  const known = unknown + vocabulary.adapt(asked.acrostic).unknown;
  if (known) notes.push((t) => t.unknown(known));
  if (next.done && next.value.broken) notes.push((t) => t.broken);
  finish();
}

function stop() {
  running = 0;
}

function finish() {
  showLines();
  showState();
}

function undo() {
  stop();
  sheet.undo();
}

// The lines

function spans(lines = sheet.lines) {
  return fingerprint ? fingerprint.copied(lines.join(newline)) : [];
}

/** The copied spans as each line holds them. */
function marksOf(lines) {
  const copied = spans(lines);
  let begin = 0; // code points before the line
  return lines.map((line) => {
    const length = [...line].length;
    const from = begin;
    begin += length + 1;
    const inside = copied.filter(({ start, end }) => start < from + length && end > from);
    return inside.map(({ start, end }) => ({ start: start - from, end: end - from, source: words().copiedHere }));
  });
}

function showLines(from = 0) {
  sheet.show(from);
  by("blank").hidden = sheet.rows.length > 0;
}

function showState() {
  by("blank").hidden = sheet.rows.length > 0;
  showStatus();
  showButtons();
  keep();
}

function showStatus() {
  const t = words();
  const said = notes.map((note) => note(t));
  if (fingerprint && sheet.rows.length && !running) {
    const copied = spans();
    said.push(t.copied(copied.length, Math.max(0, ...copied.map(({ start, end }) => end - start))));
  }
  say(by("status"), said.join(language === "zh" ? "；" : "; "));
}

function showButtons() {
  by("write").hidden = running > 0;
  by("stop").hidden = running === 0;
  by("undo").disabled = sheet.past.length === 0 || running > 0;
  for (const id of ["on", "copy", "save"]) by(id).disabled = sheet.rows.length === 0 || running > 0;
}

/** Lines that could stand in a line's place. */
function suggest(i, round) {
  const asked = wish();
  const lines = sheet.lines;
  const begun = i === 0 ? vocabulary.adapt(by("opening").value).text : "";
  const before = lines.slice(0, i).map((line) => line + newline).join("") + begun;
  const others = lines.slice(i + 1).map((line, n) => ({ letter: rhymeOf(i + 1 + n), char: lastRhyming(line) }));
  const wanted = { ...asked, seed: (asked.seed + round) % Number.MAX_SAFE_INTEGER };
  const found = writer.candidates(before, wanted, CANDIDATES, others).map(({ text }) => ({ text: begun + text }));
  return found.filter(({ text }) => text !== lines[i]).slice(0, SHOWN);
}

function lastRhyming(line) {
  return [...line].findLast((char) => data.rhymes?.[char]) ?? "";
}

// Away from the page

async function copy() {
  await copyText(sheet.lines.join("\n"));
  notes = [(t) => t.copiedText];
  showStatus();
}

function keep() {
  const fields = Object.fromEntries(FIELDS.map((id) => [id, by(id).value]));
  remember(memory, { language, lines: sheet.lines, fields });
}

function restore() {
  const kept = recall(memory);
  if (kept.language in WORDS) language = kept.language;
  const lines = Array.isArray(kept.lines) ? kept.lines.filter((line) => typeof line === "string") : [];
  sheet.rows = lines.map((text) => ({ text, locked: false }));
  for (const id of FIELDS) if (typeof kept.fields?.[id] === "string") by(id).value = kept.fields[id];
}

// The words

function facts() {
  const t = words();
  const { report, loss, precision } = data;
  const said = [];
  if (report.songs) said.push(t.from(report));
  said.push(t.size(vocabulary.size, data.parameters));
  if (report.validation?.perplexity && report.baseline?.perplexity) {
    said.push(t.heldOut(report.validation.perplexity, report.baseline.perplexity));
  }
  const measured = loss?.before.perplexity && loss.after.perplexity;
  said.push(measured ? t.loss(precision, loss.before.perplexity, loss.after.perplexity) : t.lossUnknown(precision));
  return [...said, t.offline, fingerprint ? t.checked : t.unchecked, t.caution];
}

function speakAll() {
  const t = words();
  sheet.close();
  document.documentElement.lang = language;
  speak(t);
  by("language").textContent = t.other;
  by("language").lang = language === "zh" ? "en" : "zh";
  by("facts").replaceChildren(...facts().map((fact) => element("li", { textContent: fact })));
  by("warmth").textContent = Number(by("temperature").value).toFixed(2);
  checkLengths();
  finish();
}

by("rhyming").hidden = !data.rhymes;
if (matchMedia("(max-width: 52rem)").matches) by("wish").open = false;
restore();
speakAll();

by("write").addEventListener("click", () => write(by("opening").value, false));
by("opening").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) write(by("opening").value, false);
});
by("on").addEventListener("click", () => write(sheet.lines.join(newline) + newline, true));
by("stop").addEventListener("click", stop);
by("undo").addEventListener("click", undo);
by("copy").addEventListener("click", copy);
by("save").addEventListener("click", () => saveText(sheet.lines, data.title || "zuoci"));
by("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  speakAll();
});
by("temperature").addEventListener("input", () => (by("warmth").textContent = Number(by("temperature").value).toFixed(2)));
by("lengths").addEventListener("input", checkLengths);
by("rhyme").addEventListener("change", () => showLines());
for (const id of FIELDS) by(id).addEventListener("change", keep);
addEventListener("keydown", (event) => event.key === "Escape" && (running ? stop() : sheet.close(true)));
