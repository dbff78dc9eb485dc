// Small pictures for buttons that have a name of their own.

const SHAPES = {
  again: ["M15.5 6.5A6.5 6.5 0 1 0 16.5 11", "M16 2.5v4.2h-4.2"],
  lock: ["M4.5 9h11v8h-11z", "M7 9V6.2a3 3 0 0 1 6 0V9"],
};
const SVG = "http://www.w3.org/2000/svg";

/** A node of SVG. */
export function shape(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function icon(name) {
  const paths = SHAPES[name].map((d) => shape("path", { d }));
  return shape("svg", { viewBox: "0 0 20 20", class: `icon ${name}`, "aria-hidden": "true" }, ...paths);
}
