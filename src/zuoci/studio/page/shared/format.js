// Numbers as text, the same in both languages.

/** @param {number} value @param {number} [digits] digits after the decimal point */
export function formatNumber(value, digits = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** "1 line", "2 lines". @param {number} count @param {string} noun in the singular */
export function plural(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
