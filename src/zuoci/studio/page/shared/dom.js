// Small helpers for the document, the clipboard, files and the browser's storage. Both pages use them.

/** @import {Language} from "./types.js" */

/**
 * The element with an id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type] the class that the element must have
 * @returns {T}
 */
export function byId(id, type) {
  const node = document.getElementById(id);
  if (!node || (type && !(node instanceof type))) throw new Error(`no element #${id} of this type`);
  return /** @type {T} */ (node);
}

/** @param {string} id */
export const inputById = (id) => byId(id, HTMLInputElement);

/** @param {string} id */
export const buttonById = (id) => byId(id, HTMLButtonElement);

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/**
 * Makes a button.
 * @param {string} text
 * @param {() => void} onClick
 * @param {string} [className]
 */
export function button(text, onClick, className = "quiet") {
  const node = element("button", { type: "button", className, textContent: text });
  node.addEventListener("click", onClick);
  return node;
}

/**
 * Fills in every element that names a phrase in `data-text`, `data-placeholder` or `data-label`.
 * @param {object} phrases
 */
export function showPhrases(phrases) {
  const texts = /** @type {Record<string, string>} */ (phrases);
  /** @param {string} name @param {(node: HTMLElement, text: string) => void} fill */
  const each = (name, fill) => {
    for (const node of document.querySelectorAll(`[data-${name}]`)) {
      if (node instanceof HTMLElement) fill(node, texts[node.dataset[name] ?? ""]);
    }
  };
  each("text", (node, text) => (node.textContent = text));
  each("placeholder", (node, text) => node.setAttribute("placeholder", text));
  each("label", (node, text) => node.setAttribute("aria-label", text));
}

/**
 * Sets the language of the document and of the button that switches it.
 * @param {Language} language
 * @param {{otherLanguage: string}} phrases
 */
export function showLanguage(language, phrases) {
  document.documentElement.lang = language;
  const toggle = byId("language");
  toggle.textContent = phrases.otherLanguage;
  toggle.lang = language === "zh" ? "en" : "zh";
}

/** The language of the browser, if the pages have it. @returns {Language} */
export function browserLanguage() {
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

/**
 * Sets the text of a live region. Screen readers read it out, so it is left alone if it stays the same.
 * @param {Element} node
 * @param {string} text
 */
export function setStatus(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Offers a file to be saved. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Offers lines to be saved as a text file. @param {string[]} lines @param {string} name without its ending */
export function saveText(lines, name) {
  saveFile(new Blob([lines.join("\n") + "\n"], { type: "text/plain;charset=utf-8" }), `${name}.txt`);
}

/** @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.body.appendChild(element("textarea", { value: text }));
    field.select();
    document.execCommand("copy"); // a page opened from a file has no clipboard API
    field.remove();
  }
}

/**
 * Reads an object from the browser's storage.
 * @param {string} key
 * @returns {Record<string, any>} empty if nothing readable is stored
 */
export function readStorage(key) {
  try {
    const value = JSON.parse(localStorage.getItem(key) ?? "{}");
    return value && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

/**
 * Writes an object to the browser's storage.
 * @param {string} key
 * @param {object | null} value null: removes it
 * @returns {boolean} whether that was possible: storage may be off or full
 */
export function writeStorage(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false; // the page works without it
  }
}
