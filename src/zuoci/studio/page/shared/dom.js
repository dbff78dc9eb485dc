// What both pages do to a document.

export const by = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

export function button(text, act, className = "quiet") {
  const node = element("button", { type: "button", className, textContent: text });
  node.addEventListener("click", act);
  return node;
}

/** Puts words into all nodes that ask for some. */
export function speak(words) {
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = words[node.dataset.text];
  for (const node of document.querySelectorAll("[data-placeholder]"))
    node.placeholder = words[node.dataset.placeholder];
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", words[node.dataset.label]);
}

/** Says something in a node that is read out, if it is new. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function saveText(lines, name) {
  saveFile(new Blob([lines.join("\n") + "\n"], { type: "text/plain;charset=utf-8" }), `${name}.txt`);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.body.appendChild(element("textarea", { value: text }));
    field.select();
    document.execCommand("copy"); // where pages from a file have no clipboard
    field.remove();
  }
}

/** What a browser keeps for a page; `{}` where there is nothing, or nothing that is whole. */
export function recall(name) {
  try {
    const kept = JSON.parse(localStorage.getItem(name) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing: the page works all the same
  }
}
