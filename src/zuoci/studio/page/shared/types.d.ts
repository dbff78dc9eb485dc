// Types for the type checker (tsconfig.json). Browsers never load this file.

export type Language = "zh" | "en";

/** The schema of one setting of writing, in the words of JSON Schema. */
export interface Setting {
  type: "string" | "number" | "integer" | "boolean" | "array";
  default: any;
  description?: string;
  nullable?: boolean;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  maxLength?: number;
  maxItems?: number;
  enum?: string[];
}

/** What `zuoci.writing.config.describe_settings` returns: the settings of writing, as Python defines them. */
export interface SettingsDocument {
  /** Every field of `WriteConfig`, by its Python name. */
  settings: Record<string, Setting>;
  /** The values that a form begins with. */
  start: { lines: number; rhyme: string; stanza: string };
  constants: Constants;
}

/** Numbers that the Python code and the scripts share; see zuoci.writing.config. */
export interface Constants {
  copy_window: number;
  max_word_letters: number;
  max_lines: number;
  most_syllables: number;
  most_marks: number;
  most_last_marks: number;
  most_on_one: number;
  max_repeats: number;
  loop_block: number;
  loop_free: number;
  loop_suffix: number;
  likelihood: number;
  repeated_pair: number;
  repeated_unit: number;
  earlier_unit: number;
  looked_back: number;
  failures_per_line: number;
  more_failures: number;
  failures_per_step_back: number;
  particles_for_length: number;
  particles: number;
}

/** One line of a song. */
export interface Row {
  text: string;
  locked: boolean;
}

/** A span of a line, in code points, that also stands in the training lyrics. */
export interface Mark {
  start: number;
  end: number;
  /** Where it was copied from, as the page tells it. */
  source: string;
}

/** The phrases that both pages use. */
export interface SharedPhrases {
  otherLanguage: string;
  opening: string;
  openingHint: string;
  lines: string;
  write: string;
  stop: string;
  continue: string;
  undo: string;
  copy: string;
  settings: string;
  safer: string;
  bolder: string;
  rhymeNone: string;
  rhymeAll: string;
  more: string;
  candidates: string;
  otherCandidates: string;
  searching: string;
  noCandidates: string;
  writing: string;
  /** `seed` null: each line had its own. */
  wrote(result: { lines: number; seed: number | null }): string;
  unknown(characters: string): string;
  copied(count: number, longest: number, window: number): string;
  taken(number: number): string;
  copiedText: string;
}
