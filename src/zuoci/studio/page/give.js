// The page that is given away: an opening, lines as they are written, and for each line others to take instead.

import { Model, decodeWeights, fromBase64 } from "./model.js";
import { Vocabulary } from "./vocabulary.js";
import { Writer } from "./writer.js";
import { Fingerprint } from "./originality.js";
import { WORDS } from "./words.js";

const CANDIDATES = 24; // lines that are drawn
const SHOWN = 6; // of them
const PACE = 2; // characters a frame, so that one can read along
const FRAME = 16; // milliseconds
const UNDOS = 50;
const LONGEST_LENGTH = 24; // what a line may be asked to count

const by = (id) => document.getElementById(id);
const data = JSON.parse(by("model").textContent);
const vocabulary = new Vocabulary(data.characters);
const model = new Model(data.config, decodeWeights(data.tensors, fromBase64(data.weights)));
const writer = new Writer(model, vocabulary, data.rhymes ?? {});
const fingerprint = data.fingerprint && new Fingerprint(fromBase64(data.fingerprint));
const newline = vocabulary.characters[vocabulary.lineBreak] ?? "\n"; // what the model takes for one
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const FIELDS = ["opening", "count", "temperature", "lengths", "acrostic", "rhyme", "top-p", "min-p", "top-k", "banned", "seed"];
const memory = `zuoci ${data.identity}`;
const past = []; // lists of lines, to go back to

let language = navigator.language.startsWith("zh") ? "zh" : "en";
let lines = [];
let running = 0; // which writing is under way; 0: none
let runs = 0;
let chosen = -1; // the line whose editor is open
let notes = []; // functions of the words, that say what was done

function words() {
  return WORDS[language];
}

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
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
  const kept = more ? lines.slice() : [];
  const total = kept.length + asked.lines;
  const { text: begun, unknown } = vocabulary.adapt(opening);
  close();
  change(kept);
  notes = [(t) => t.writing];
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
    lines = [...kept, ...text.split(newline).filter(Boolean)];
    showLines(lines.length - 1);
    await new Promise((resolve) => setTimeout(resolve, whole ? 0 : FRAME));
  }
  if (running && running !== run) return; // another one has begun
  running = 0;
  notes = [(t) => t.wrote({ lines: lines.length, seed: asked.seed })];
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
  showButtons();
  remember();
}

/** Replaces the lines, so that undo brings the former ones back. */
function change(after) {
  if (past.push(lines) > UNDOS) past.shift();
  lines = after;
}

function undo() {
  if (!past.length) return;
  stop();
  close();
  lines = past.pop();
  notes = [];
  finish();
}

// The lines

function spans() {
  return fingerprint ? fingerprint.copied(lines.join(newline)) : [];
}

/** Shows the lines from one on; those before it are as they were. */
function showLines(from = 0) {
  const list = by("lines");
  const copied = spans();
  while (list.children.length > Math.max(lines.length, 0)) list.lastChild.remove();
  let start = 0; // code points before the line
  lines.forEach((line, i) => {
    const length = [...line].length;
    if (i >= from || i >= list.children.length) {
      const button = list.children[i]?.firstChild ?? list.appendChild(element("li", {}, lineButton(i))).firstChild;
      const text = element("span", {}, ...marked(line, start, copied));
      const letter = rhymeOf(i);
      button.replaceChildren(text, ...(letter ? [element("small", { textContent: letter, ariaHidden: "true" })] : []));
      button.setAttribute("aria-label", words().line(i + 1, line));
    }
    start += length + 1;
  });
  by("blank").hidden = lines.length > 0;
  showStatus(copied);
}

/** A line's text, with marks where it is copied. */
function marked(line, start, copied) {
  const nodes = [];
  let [piece, inside] = ["", false];
  const end = () => {
    if (piece) nodes.push(inside ? element("mark", { textContent: piece, title: words().copiedHere }) : piece);
    piece = "";
  };
  [...line].forEach((char, i) => {
    const here = copied.some((span) => span.start <= start + i && start + i < span.end);
    if (here !== inside) end();
    inside = here;
    piece += char;
  });
  end();
  return nodes;
}

function lineButton(i) {
  const button = element("button", { type: "button", className: "line" });
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => (chosen === i ? close(true) : open(i)));
  return button;
}

function showStatus(copied = spans()) {
  const t = words();
  const said = notes.map((note) => note(t));
  if (fingerprint && lines.length && !running) {
    said.push(t.copied(copied.length, Math.max(0, ...copied.map(({ start, end }) => end - start))));
  }
  const text = said.join(language === "zh" ? "；" : "; ");
  if (by("status").textContent !== text) by("status").textContent = text;
}

function showButtons() {
  by("write").hidden = running > 0;
  by("stop").hidden = running === 0;
  by("undo").disabled = past.length === 0 || running > 0;
  for (const id of ["on", "copy", "save"]) by(id).disabled = lines.length === 0 || running > 0;
}

// The editor of one line

function open(i) {
  if (running) return;
  close();
  chosen = i;
  const t = words();
  const item = by("lines").children[i];
  item.firstChild.setAttribute("aria-expanded", "true");
  const field = element("input", { type: "text", value: lines[i], maxLength: 200, spellcheck: false });
  field.setAttribute("aria-label", t.edit(i + 1));
  change(lines.slice());
  field.addEventListener("input", () => edit(i, field.value));
  field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && close(true));
  const list = element("ul", { className: "candidates", ariaLabel: t.candidates });
  const button = (name, act) => {
    const node = element("button", { type: "button", className: "quiet", textContent: t[name] });
    node.addEventListener("click", act);
    return node;
  };
  let round = 0;
  const tools = element(
    "div",
    { className: "tools" },
    button("others", () => suggest(i, list, ++round)),
    button("remove", () => remove(i)),
    element("span", { className: "gap" }),
    button("done", () => close(true)),
  );
  const editor = element("div", { className: "editor", tabIndex: -1 }, field, list, tools);
  item.append(editor);
  suggest(i, list, round);
  (matchMedia("(pointer: fine)").matches ? field : editor).focus(); // on a phone the keyboard would hide the rest
}

function edit(i, text) {
  lines[i] = text;
  notes = [];
  showLines(i);
  showButtons();
  remember();
}

/** Lists lines that could stand in a line's place. */
function suggest(i, list, round) {
  const asked = wish();
  const begun = i === 0 ? vocabulary.adapt(by("opening").value).text : "";
  const before = lines.slice(0, i).map((line) => line + newline).join("") + begun;
  const others = lines.slice(i + 1).map((line, n) => ({ letter: rhymeOf(i + 1 + n), char: lastRhyming(line) }));
  const wanted = { ...asked, seed: (asked.seed + round) % Number.MAX_SAFE_INTEGER };
  const found = writer.candidates(before, wanted, CANDIDATES, others).map(({ text }) => begun + text);
  const texts = found.filter((text) => text !== lines[i]).slice(0, SHOWN);
  const items = texts.map((text) => {
    const copied = fingerprint ? fingerprint.copied(text) : [];
    const button = element("button", { type: "button" }, ...marked(text, 0, copied));
    button.addEventListener("click", () => take(i, text));
    return element("li", {}, button);
  });
  list.replaceChildren(...(items.length ? items : [element("li", { className: "help", textContent: words().none })]));
}

function lastRhyming(line) {
  return [...line].findLast((char) => data.rhymes?.[char]) ?? "";
}

function take(i, text) {
  edit(i, text);
  close(true);
  notes = [(t) => t.taken(i + 1)];
  showStatus();
}

function remove(i) {
  edit(i, "");
  close(true);
}

function close(focus = false) {
  if (chosen < 0) return;
  const [i, item] = [chosen, by("lines").children[chosen]];
  chosen = -1;
  item.lastChild.remove();
  item.firstChild.setAttribute("aria-expanded", "false");
  if (!lines[i].trim()) lines.splice(i, 1);
  const before = past.at(-1);
  if (before.length === lines.length && before.every((line, n) => line === lines[n])) past.pop(); // nothing changed
  finish();
  if (focus) (by("lines").children[Math.min(i, lines.length - 1)]?.firstChild ?? by("opening")).focus();
}

// Away from the page

async function copy() {
  const text = lines.join("\n");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.body.appendChild(element("textarea", { value: text }));
    field.select();
    document.execCommand("copy"); // where pages from a file have no clipboard
    field.remove();
  }
  notes = [(t) => t.copiedText];
  showStatus();
}

function save() {
  const address = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/plain;charset=utf-8" }));
  element("a", { href: address, download: `${data.title || "zuoci"}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function remember() {
  const fields = Object.fromEntries(FIELDS.map((id) => [id, by(id).value]));
  try {
    localStorage.setItem(memory, JSON.stringify({ language, lines, fields }));
  } catch {
    // a browser that keeps nothing: the page works all the same
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(memory) ?? "{}");
    if (kept.language in WORDS) language = kept.language;
    if (Array.isArray(kept.lines)) lines = kept.lines.filter((line) => typeof line === "string");
    for (const id of FIELDS) if (typeof kept.fields?.[id] === "string") by(id).value = kept.fields[id];
  } catch {
    // nothing is kept, or nothing that is whole
  }
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

function speak() {
  const t = words();
  close();
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t[node.dataset.text];
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = t[node.dataset.placeholder];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t[node.dataset.label]);
  by("language").textContent = t.other;
  by("language").lang = language === "zh" ? "en" : "zh";
  by("facts").replaceChildren(...facts().map((fact) => element("li", { textContent: fact })));
  by("warmth").textContent = Number(by("temperature").value).toFixed(2);
  checkLengths();
  showLines();
}

by("rhyming").hidden = !data.rhymes;
if (matchMedia("(max-width: 52rem)").matches) by("wish").open = false;
recall();
speak();
showButtons();

by("write").addEventListener("click", () => write(by("opening").value, false));
by("opening").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) write(by("opening").value, false);
});
by("on").addEventListener("click", () => write(lines.join(newline) + newline, true));
by("stop").addEventListener("click", stop);
by("undo").addEventListener("click", undo);
by("copy").addEventListener("click", copy);
by("save").addEventListener("click", save);
by("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  speak();
  remember();
});
by("temperature").addEventListener("input", () => (by("warmth").textContent = Number(by("temperature").value).toFixed(2)));
by("lengths").addEventListener("input", checkLengths);
by("rhyme").addEventListener("change", () => showLines());
for (const id of FIELDS) by(id).addEventListener("change", remember);
addEventListener("keydown", (event) => event.key === "Escape" && (running ? stop() : close(true)));
