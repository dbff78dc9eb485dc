// The little Markdown of a model card, as nodes: headings, paragraphs, lists, tables, code, bold. Nothing else is read.

import { element } from "../shared/dom.js";

/** @returns {Node[]} */
export function markdown(text) {
  const plain = text.replace(/^---\n[\s\S]*?\n---\n/u, "");
  return plain.split(/\n{2,}/u).flatMap((part) => block(part.trim()));
}

function block(part) {
  if (!part) return [];
  const [heading] = part.match(/^#+ /u) ?? [];
  const lines = part.split("\n");
  if (heading) {
    const title = element(heading.length > 2 ? "h4" : "h3", {}, ...inline(lines[0].slice(heading.length)));
    return [title, ...block(lines.slice(1).join("\n").trim())];
  }
  if (lines.every((line) => line.startsWith("|"))) return [element("div", { className: "wide" }, table(lines))];
  if (lines.every((line) => /^[-*] /u.test(line))) {
    return [element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2)))))];
  }
  return [element("p", {}, ...inline(lines.join(" ")))];
}

function table(lines) {
  const cells = (line) =>
    line
      .replace(/^\||\|$/gu, "")
      .split("|")
      .map((cell) => cell.trim());
  const row = (line, kind) => element("tr", {}, ...cells(line).map((cell) => element(kind, {}, ...inline(cell))));
  const [head, , ...body] = lines;
  return element(
    "table",
    {},
    element("thead", {}, row(head, "th")),
    element("tbody", {}, ...body.map((line) => row(line, "td"))),
  );
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/u).map((part) => {
    if (/^`.+`$/u.test(part)) return element("code", { textContent: part.slice(1, -1) });
    if (/^\*\*.+\*\*$/u.test(part)) return element("strong", { textContent: part.slice(2, -2) });
    return part;
  });
}
