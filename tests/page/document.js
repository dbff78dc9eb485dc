// The settings document that Python's `describe_settings` makes, as far as these tests need it.

/** @param {Record<string, unknown>} field */
const setting = (field) => ({ description: "", ...field });

export const DOCUMENT = {
  settings: {
    length: setting({ type: "integer", default: 50, minimum: 1, maximum: 1_000_000 }),
    temperature: setting({ type: "number", default: 0.8, exclusiveMinimum: 0.0, maximum: 100.0 }),
    top_k: setting({ type: "integer", default: 0, minimum: 0, maximum: 1_000_000 }),
    top_p: setting({ type: "number", default: 1.0, exclusiveMinimum: 0.0, maximum: 1.0 }),
    min_p: setting({ type: "number", default: 0.0, minimum: 0.0, maximum: 1.0 }),
    greedy: setting({ type: "boolean", default: false }),
    seed: setting({ type: "integer", default: 0, minimum: 0, exclusiveMaximum: 2 ** 63 }),
    max_copy: setting({ type: "integer", nullable: true, default: null, minimum: 0, maximum: 1000 }),
    ban: setting({ type: "string", default: "", maxLength: 10_000 }),
    stop: setting({ type: "array", default: [], maxItems: 16 }),
    lines: setting({ type: "integer", default: 0, minimum: 0, maximum: 1000 }),
    line_length: setting({ type: "string", default: "", maxLength: 1000 }),
    stanza: setting({ type: "string", default: "", maxLength: 1000 }),
    acrostic: setting({ type: "string", default: "", maxLength: 1000 }),
    word: setting({ type: "array", default: [], maxItems: 100 }),
    line_opening: setting({ type: "array", default: [], maxItems: 1000 }),
    rhyme: setting({ type: "string", default: "", maxLength: 1000 }),
    rhyme_standard: setting({ type: "string", default: "shisanzhe", enum: ["shisanzhe", "xinyun", "tongyun"] }),
  },
  start: { lines: 8, rhyme: "AABB", stanza: "4" },
  constants: { copy_window: 8, max_word_letters: 24, max_lines: 1000 },
};
