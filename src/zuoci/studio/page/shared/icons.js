// SVG elements, and the icons of buttons that have no text. Both pages use them.

/** @type {Record<"handle" | "lock", string[]>} */
const SHAPES = {
  handle: ["M7.5 5v.01M12.5 5v.01M7.5 10v.01M12.5 10v.01M7.5 15v.01M12.5 15v.01"],
  lock: ["M4.5 9h11v8h-11z", "M7 9V6.2a3 3 0 0 1 6 0V9"],
};
/** The namespace of SVG, from an element: the page to give away names no address. */
function namespace() {
  const drawing = Object.assign(document.createElement("template"), { innerHTML: "<svg></svg>" }).content.firstElementChild;
  return /** @type {Element} */ (drawing).namespaceURI;
}

/**
 * Makes an SVG element.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svgElement(name, attributes, ...children) {
  const node = /** @type {SVGElement} */ (document.createElementNS(namespace(), name));
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, `${value}`);
  node.append(...children);
  return node;
}

/** @param {keyof typeof SHAPES} name */
export function icon(name) {
  const paths = SHAPES[name].map((d) => svgElement("path", { d }));
  return svgElement("svg", { viewBox: "0 0 20 20", class: `icon ${name}`, "aria-hidden": "true" }, ...paths);
}
