// Renders the Markdown of a model card as elements: headings, paragraphs, lists, tables, code, bold. Everything else,
// HTML and links included, is shown as it is written.

import { element } from "../shared/dom.js";

/**
 * A block of a card.
 * @typedef {(
 *   {kind: "heading", level: 3 | 4, text: string} | {kind: "paragraph", text: string} |
 *   {kind: "list", items: string[]} | {kind: "table", head: string[], rows: string[][]}
 * )} Block
 */

/** @param {string} text @returns {HTMLElement[]} */
export function renderMarkdown(text) {
  return parseBlocks(text).map(render);
}

/** Splits a card into blocks; the YAML at its start is left out. @param {string} text */
export function parseBlocks(text) {
  const body = text.replace(/^---\n[\s\S]*?\n---\n/u, "");
  return body.split(/\n{2,}/u).flatMap((part) => parseBlock(part.trim()));
}

/** @param {string} part @returns {Block[]} */
function parseBlock(part) {
  if (!part) return [];
  const lines = part.split("\n");
  const marks = part.match(/^#+ /u)?.[0];
  if (marks) {
    const text = lines[0].slice(marks.length);
    const rest = parseBlock(lines.slice(1).join("\n").trim());
    return [{ kind: "heading", level: marks.length > 2 ? 4 : 3, text }, ...rest];
  }
  if (lines.every((line) => line.startsWith("|"))) {
    const [head, , ...rows] = lines.map(cells);
    return [{ kind: "table", head, rows }];
  }
  if (lines.every((line) => /^[-*] /u.test(line))) {
    return [{ kind: "list", items: lines.map((line) => line.slice(2)) }];
  }
  return [{ kind: "paragraph", text: lines.join(" ") }];
}

/** The cells of a table's row. @param {string} line */
function cells(line) {
  const inner = line.replace(/^\||\|$/gu, "");
  return inner.split("|").map((cell) => cell.trim());
}

/** @param {Block} block @returns {HTMLElement} */
function render(block) {
  if (block.kind === "heading") return element(block.level === 3 ? "h3" : "h4", {}, ...inline(block.text));
  if (block.kind === "paragraph") return element("p", {}, ...inline(block.text));
  if (block.kind === "list") {
    return element("ul", {}, ...block.items.map((item) => element("li", {}, ...inline(item))));
  }
  /** @param {"th" | "td"} tag @param {string[]} row */
  const tableRow = (tag, row) => element("tr", {}, ...row.map((cell) => element(tag, {}, ...inline(cell))));
  const head = element("thead", {}, tableRow("th", block.head));
  const body = element("tbody", {}, ...block.rows.map((row) => tableRow("td", row)));
  return element("div", { className: "wide" }, element("table", {}, head, body));
}

/** @param {string} text @returns {(string | HTMLElement)[]} */
function inline(text) {
  return splitInline(text).map(({ kind, text: content }) =>
    kind === "text" ? content : element(kind, { textContent: content }),
  );
}

/** @typedef {{kind: "code" | "strong" | "text", text: string}} Piece */

/** Splits a text into code, bold and plain pieces. @param {string} text @returns {Piece[]} */
export function splitInline(text) {
  const parts = text.split(/(`[^`]+`|\*\*[^*]+\*\*)/u).filter(Boolean);
  return parts.map((part) => {
    if (/^`.+`$/u.test(part)) return { kind: "code", text: part.slice(1, -1) };
    if (/^\*\*.+\*\*$/u.test(part)) return { kind: "strong", text: part.slice(2, -2) };
    return { kind: "text", text: part };
  });
}
