// Types for the type checker (tsconfig.json). Browsers never load this file.

import type { Mark, SettingsDocument, SharedPhrases } from "../shared/types.js";

/** Where a tensor stands in the block of weights. */
export interface TensorEntry {
  name: string;
  shape: number[];
  type: "float32" | "float16" | "int8";
  /** The byte at which its values begin. */
  at: number;
  /** The byte at which the scales of its rows begin (int8 only). */
  scales?: number;
}

/** Where an array of the counts stands in their block. */
export interface ArrayEntry {
  name: string;
  shape: number[];
  type: "float32" | "uint8" | "uint16" | "uint32";
  /** The byte at which its values begin. */
  at: number;
}

/** `config.json` of a model folder, as far as the page reads it. */
export interface ModelConfig {
  cell: "rnn" | "rnn_relu" | "gru" | "lstm";
  hidden_size: number;
  num_layers: number;
  embedding_size: number;
  tie_embedding: boolean;
}

/** The classifier of lines in the exported page; as zuoci.writing.line_judge.LineJudge. */
export interface JudgeDocument {
  tensors: TensorEntry[];
  /** base64 */
  weights: string;
  dilations: number[];
  longest_before: number;
}

interface Score {
  perplexity: number;
}

/** The JSON in the exported page, made by `zuoci.export.html.page_document`. */
export interface PageDocument extends SettingsDocument {
  title: string;
  /** A hash of the document: the key under which the browser stores this page's text. */
  identity: string;
  config: ModelConfig;
  characters: string;
  parameters: number;
  precision: string;
  /** The perplexity before and after the weights were quantised; null: not measured. */
  loss: { before: Score; after: Score } | null;
  report: { songs?: number; characters?: number; validation?: Score | null; baseline?: Score | null };
  /** The rhyme of each character that has one; null: the page offers no rhyme schemes. */
  rhymes: Record<string, string> | null;
  /** base64; null: the page cannot tell what is copied. */
  fingerprint: string | null;
  tensors: TensorEntry[];
  /** base64 */
  weights: string;
  /** The counts that the network is mixed with, base64; null: the network alone. */
  mixture: { arrays: ArrayEntry[]; data: string } | null;
  /** What tells people's lines from those of the base model; null: the model has none. */
  judge: JudgeDocument | null;
}

/** What a text should be like. */
export interface WriteSettings {
  /** Characters to write after the opening where `lines` is 0. */
  length: number;
  /** Lines of the whole text, opening included; 0: no lines, no form. */
  lines: number;
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  greedy: boolean;
  seed: number;
  /** Lines to grow side by side. */
  particles: number;
  /** How strongly good lines are preferred among these; 0: not at all. */
  selection: number;
  /** The longest copy of the training lyrics that is allowed, in words; 0: no limit. */
  maxCopy: number;
  /** Characters that must not be written. */
  banned: string;
  /** The length of each line, repeated after the last, in parts between which there are gaps; 0: any. */
  lengths: readonly (readonly number[])[];
  /** Words that must appear. */
  words: readonly string[];
  /** The lines that stay as they are, by their number from 0. */
  locked: ReadonlyMap<number, string>;
  /** The first character of each line. */
  acrostic: string;
  /** A letter for each line, repeated after the last. Lines with the same letter rhyme; `-`: no rhyme. */
  rhyme: string;
}

/** A line that could replace another. */
export interface Candidate {
  text: string;
}

/** What `Sheet` needs from the page around it. */
export interface SheetPage {
  phrases(): GivePhrases;
  /** Whether a text is being written. */
  busy(): boolean;
  /** A line was locked or unlocked. */
  toggled(number: number, locked: boolean): void;
  /** Takes the focus when no line is left. */
  home: HTMLElement;
  /** The marks of each line. */
  marks(lines: string[]): Mark[][];
  /** The rhyme letter of each line, or "". */
  letters(lines: string[]): string[];
  /** Finds lines that could replace line `i`; `round` counts how often it was asked for this line. */
  suggest(i: number, round: number): Promise<Candidate[]>;
  /** The text has changed. */
  changed(): void;
  /** A candidate was taken for line `number`. */
  taken(number: number): void;
}

/** The phrases of the exported page. */
export interface GivePhrases extends SharedPhrases {
  sheet: string;
  save: string;
  line(number: number, text: string): string;
  rhymes(letter: string): string;
  editLine(number: number): string;
  add: string;
  redo: string;
  clear: string;
  lockLine(number: number): string;
  lockHint: string;
  isLocked: string;
  locked(number: number): string;
  unlocked(number: number): string;
  insertAbove: string;
  insertBelow: string;
  removeLine: string;
  done: string;
  edit: string;
  editCandidate(text: string): string;
  rejectCandidate(text: string): string;
  blank: string;
  count: string;
  temperature: string;
  lengths: string;
  lengthsHint: string;
  lengthsHelp: string;
  wrongLengths(longest: number): string;
  noSpace: string;
  words: string;
  wordsHint: string;
  unplaced(words: readonly string[]): string;
  maxCopy: string;
  maxCopyHelp(least: number): string;
  acrostic: string;
  acrosticHint: string;
  rhyme: string;
  topP: string;
  minP: string;
  topK: string;
  banned: string;
  seed: string;
  seedHint: string;
  about: string;
  broken: string;
  copiedHere: string;
  size(characters: number, parameters: number): string;
  trainedOn(songs: number, characters: number): string;
  heldOut(perplexity: number, baseline: number): string;
  loss(precision: string, before: number, after: number): string;
  lossUnknown(precision: string): string;
  offline: string;
  checked(window: number): string;
  unchecked: string;
  caution: string;
}
