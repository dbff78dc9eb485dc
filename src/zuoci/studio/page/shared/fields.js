// Form fields for the settings of writing. Their bounds come from Python (`SettingsDocument`).

/** @import {Setting} from "./types.js" */

/** The part of all temperatures that the slider offers. */
export const TEMPERATURE_SLIDER = { min: "0.1", max: "1.5", step: "0.05" };

/** The step of a number field. @param {Setting} setting */
function stepOf({ type }) {
  return type === "integer" ? 1 : 0.01;
}

/**
 * Gives a field the bounds of a setting.
 * @param {HTMLInputElement} input of the type number or text
 * @param {Setting} setting
 */
export function setBounds(input, setting) {
  if (input.type === "number") {
    const step = stepOf(setting);
    const above = setting.exclusiveMinimum;
    const most = setting.maximum ?? Number.MAX_SAFE_INTEGER; // larger integers are not exact here
    Object.assign(input, {
      min: `${above === undefined ? (setting.minimum ?? 0) : above + step}`,
      max: `${Math.min(most, Number.MAX_SAFE_INTEGER)}`,
      step: `${step}`,
      inputMode: setting.type === "integer" ? "numeric" : "decimal",
    });
  } else if (setting.maxLength !== undefined) {
    input.maxLength = setting.maxLength;
  }
}

/**
 * The number in a field, moved into the bounds of its setting.
 * @param {HTMLInputElement} input
 * @param {Setting} setting gives the default where the field holds no number
 * @returns {number}
 */
export function boundedNumber(input, setting) {
  const given = input.value === "" ? NaN : Number(input.value);
  if (!Number.isFinite(given)) return setting.default;
  const value = setting.type === "integer" ? Math.round(given) : given;
  const above = setting.exclusiveMinimum;
  if (above !== undefined && value <= above) return setting.default;
  return Math.min(Math.max(value, setting.minimum ?? value), setting.maximum ?? value);
}
