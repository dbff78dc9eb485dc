// Curves of perplexity over time, the perplexity on a logarithmic scale.

import { shape } from "./icons.js";

const EDGE = { top: 26, right: 14, bottom: 34, left: 46 };

/**
 * @param {{points: [number, number][], colour: number, dashed?: boolean, faint?: boolean, name?: string}[]} series
 *   points: seconds and perplexity
 * @param {{title: string, x: string, y: string}} words
 * @param {number} width pixels
 */
export function chart(series, words, width, height = 240) {
  const svg = shape("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: "chart",
    role: "img",
    "aria-label": words.title,
  });
  const points = series.flatMap((one) => one.points);
  const values = points.map(([, y]) => y);
  const [low, high] = values.length ? [Math.min(...values) / 1.15, Math.max(...values) * 1.15] : [1, 1000];
  const last = Math.max(...points.map(([x]) => x), 1);
  const x = (value) => EDGE.left + (value / last) * (width - EDGE.left - EDGE.right);
  const y = (value) =>
    EDGE.top +
    ((Math.log(high) - Math.log(value)) / (Math.log(high) - Math.log(low))) * (height - EDGE.top - EDGE.bottom);
  for (const value of decades(low, high)) {
    svg.append(shape("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
    svg.append(text(value.toLocaleString("en"), { x: EDGE.left - 7, y: y(value) + 4, "text-anchor": "end" }));
  }
  for (const value of steps(last, Math.max(Math.floor(width / 110), 2))) {
    svg.append(
      text(value.toLocaleString("en"), { x: x(value), y: height - EDGE.bottom + 17, "text-anchor": "middle" }),
    );
  }
  svg.append(text(words.x, { x: width - EDGE.right, y: height - 3, "text-anchor": "end", class: "axis" }));
  svg.append(text(words.y, { x: 0, y: 12, class: "axis" }));
  for (const { points: own, colour, dashed, faint } of series) {
    const kind = `curve curve-${colour % 6}${dashed ? " dashed" : ""}${faint ? " faint" : ""}`;
    const path = own.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ");
    svg.append(shape("polyline", { class: kind, points: path }));
    const [a, b] = own.at(-1) ?? [];
    if (own.length && !faint && !dashed)
      svg.append(shape("circle", { class: `dot curve-${colour % 6}`, cx: x(a), cy: y(b), r: 3 }));
  }
  return svg;
}

function text(content, attributes) {
  return shape("text", attributes, content);
}

/** 1, 2, 5, 10 … between two values; fewer where they would crowd. */
function decades(low, high) {
  const marks = Math.log10(high / low) > 3 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const mark of marks) {
      const value = mark * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}

function steps(last, count) {
  const rough = last / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((mark) => mark * power).find((value) => value >= rough);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}
