// What is in the fields of the settings form → the settings of a request.

/** @import {Setting} from "../shared/types.js" */

/** Settings that only texts with lines have. */
const FORM_SETTINGS = ["lines", "line_length", "stanza", "structure", "section", "acrostic", "word", "line_opening", "rhyme"];

/** Settings of whole texts, which do not apply to single lines. */
const TEXT_SETTINGS = [...FORM_SETTINGS, "length", "stop", "seed"];

/** What parts the entries of a field, where it is not a comma. @type {Record<string, RegExp>} */
const SEPARATORS = { word: /[\s,，;；、]+/u, section: /[;；、]+/u };

/** Values of the rhyme field that are not schemes themselves. */
export const RHYME_ALL = "all";
export const RHYME_CUSTOM = "own";

/**
 * The contents of the fields by setting, and of the field for a custom rhyme scheme.
 * @typedef {Record<string, string | boolean> & {own: string}} FieldValues
 */

/**
 * The settings for a text; those with an empty field are left out.
 * @param {FieldValues} fields
 * @param {Record<string, Setting>} settings
 * @returns {Record<string, any>}
 */
export function textSettings(fields, settings) {
  /** @type {Record<string, any>} */
  const values = {};
  for (const [name, setting] of Object.entries(settings)) {
    const value = parse(name, fields[name] ?? "", setting);
    if (value !== undefined) values[name] = value;
  }
  for (const name of ["line_length", "stanza"]) {
    if (values[name]) values[name] = values[name].replace(/[\s，、/]+/gu, ",");
  }
  if (fields.rhyme === RHYME_CUSTOM) values.rhyme = fields.own;
  if (fields.rhyme === RHYME_ALL) values.rhyme = "A".repeat(values.lines || 4);
  if (values.lines && values.acrostic) values.lines = Math.max(values.lines, [...values.acrostic.replace(/\s/gu, "")].length);
  if (values.structure) delete values.lines; // which follow from it
  return values.lines || values.structure ? values : without(values, FORM_SETTINGS);
}

/** The settings that also apply to single lines: how to sample, what to avoid. @param {Record<string, any>} values */
export function lineSettings(values) {
  return without(values, TEXT_SETTINGS);
}

/**
 * The length that a line must have: a number as text, or "" for any.
 * @param {Record<string, any>} values of `textSettings`
 * @param {number} line from 0
 */
export function lineLength(values, line) {
  const lengths = (values.line_length ?? "").split(",").filter(Boolean);
  const length = lengths[line % lengths.length];
  return length && length !== "0" ? length : "";
}

/** @param {string} name @param {string | boolean} field @param {Setting} setting */
function parse(name, field, { type }) {
  if (typeof field === "boolean") return field;
  if (type === "array") return split(field, SEPARATORS[name] ?? /[,，;；、]+/u);
  if (field === "" || (name === "rhyme" && (field === RHYME_ALL || field === RHYME_CUSTOM))) return undefined;
  return type === "integer" || type === "number" ? Number(field) : field.trim();
}

/** @param {string} text @param {RegExp} separator */
function split(text, separator) {
  const parts = text.split(separator).map((part) => part.trim());
  return parts.filter(Boolean);
}

/** @param {Record<string, any>} values @param {string[]} names */
function without(values, names) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
