// A line chart of perplexity over time, perplexity on a logarithmic scale. Training runs and the comparison use it.

import { svgElement } from "../shared/icons.js";

/** @import {Series} from "./types.js" */

const EDGE = { top: 26, right: 14, bottom: 34, left: 46 }; // pixels around the plot
const COLOURS = 6; // classes curve-0 … curve-5
const LABEL_WIDTH = 110; // pixels that a label of the time axis needs

/**
 * @param {Series[]} series
 * @param {{title: string, x: string, y: string}} labels
 * @param {number} width pixels
 * @param {number} [height] pixels
 */
export function chart(series, labels, width, height = 240) {
  const size = { viewBox: `0 0 ${width} ${height}`, width, height };
  const svg = svgElement("svg", { ...size, class: "chart", role: "img", "aria-label": labels.title });
  const scale = scales(series, width, height);
  for (const value of logTicks(scale.low, scale.high)) {
    const y = scale.y(value);
    svg.append(
      svgElement("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }),
      label(value.toLocaleString("en"), { x: EDGE.left - 7, y: y + 4, "text-anchor": "end" }),
    );
  }
  for (const value of linearTicks(scale.last, Math.max(Math.floor(width / LABEL_WIDTH), 2))) {
    const position = { x: scale.x(value), y: height - EDGE.bottom + 17, "text-anchor": "middle" };
    svg.append(label(value.toLocaleString("en"), position));
  }
  svg.append(label(labels.x, { x: width - EDGE.right, y: height - 3, "text-anchor": "end", class: "axis" }));
  svg.append(label(labels.y, { x: 0, y: 12, class: "axis" }));
  for (const one of series) svg.append(...curve(one, scale));
  return svg;
}

/** Maps seconds and perplexity to pixels. @param {Series[]} series @param {number} width @param {number} height */
function scales(series, width, height) {
  const points = series.flatMap((one) => one.points);
  const values = points.map(([, y]) => y);
  const [low, high] = values.length ? [Math.min(...values) / 1.15, Math.max(...values) * 1.15] : [1, 1000];
  const last = Math.max(...points.map(([x]) => x), 1);
  /** @param {number} value */
  const x = (value) => EDGE.left + (value / last) * (width - EDGE.left - EDGE.right);
  /** @param {number} value */
  const y = (value) => {
    const part = (Math.log(high) - Math.log(value)) / (Math.log(high) - Math.log(low));
    return EDGE.top + part * (height - EDGE.top - EDGE.bottom);
  };
  return { low, high, last, x, y };
}

/** @param {Series} series @param {ReturnType<typeof scales>} scale */
function curve({ points, colour, dashed, faint }, scale) {
  const colourClass = `curve-${colour % COLOURS}`;
  const classes = `curve ${colourClass}${dashed ? " dashed" : ""}${faint ? " faint" : ""}`;
  const path = points.map(([x, y]) => `${scale.x(x).toFixed(1)},${scale.y(y).toFixed(1)}`).join(" ");
  const line = svgElement("polyline", { class: classes, points: path });
  const last = points.at(-1);
  if (!last || faint || dashed) return [line];
  const center = { cx: scale.x(last[0]), cy: scale.y(last[1]) };
  return [line, svgElement("circle", { class: `dot ${colourClass}`, ...center, r: 3 })];
}

/** @param {string} text @param {Record<string, string | number>} attributes */
function label(text, attributes) {
  return svgElement("text", attributes, text);
}

/**
 * The values 1, 2, 5, 10 … between two bounds; only powers of ten if those are far apart.
 * @param {number} low
 * @param {number} high
 */
export function logTicks(low, high) {
  const digits = Math.log10(high / low) > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of digits) {
      const value = digit * 10 ** power;
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}

/** About `count` round values from 0 to `last`. @param {number} last @param {number} count */
export function linearTicks(last, count) {
  const rough = last / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= rough) ?? 10 * power;
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}
