// Types for the type checker (tsconfig.json). Browsers never load this file. docs/api.md describes the server's answers.

import type { Language, SettingsDocument, SharedPhrases } from "../shared/types.js";
import type { TrainPhrases } from "./train-types.js";
import type { WritePhrases } from "./write-types.js";

// The server's answers

export interface Session extends SettingsDocument {
  version: string;
  limits: { text: number; files: number; upload_bytes: number };
  /** Of the names of files that may be lyrics. */
  suffixes: string[];
  training: Record<string, { default?: any; maximum?: number }>;
}

export interface Score {
  perplexity: number;
}

/** An evaluation during training. */
export interface Round {
  step: number;
  seconds: number;
  train: Score | null;
  validation: Score | null;
}

/** The figures of a finished model; empty for one that was saved without. */
export interface Figures {
  songs?: number;
  characters?: number;
  vocab_size?: number;
  parameters?: number;
  epochs?: number;
  train_seconds?: number;
  train?: Score | null;
  validation?: Score | null;
  baseline?: Score | null;
  /** Of the model that the run started from, on the held-out text. */
  base?: Score | null;
}

export interface ModelConfig {
  cell: string;
  num_layers: number;
  hidden_size: number;
}

/** MODEL */
export interface ModelInfo {
  id: string;
  created: number;
  figures: Figures;
  /** Whether its text was enough for it. */
  verdict: ServerMessage | null;
  model: ModelConfig;
  originality: boolean;
  /** Whether it is a base model, which comes with zuoci. */
  base: boolean;
  /** Whether it lies in the folder of models, so that it can be renamed and deleted. */
  own: boolean;
}

/** The answer to `GET /api/models/{id}`. */
export interface ModelDetails extends ModelInfo {
  training: Record<string, unknown>;
  card: string;
  rounds: Round[];
  sources: string[];
}

/** A message of the server: an English text, and what it takes to say it in another language. */
export interface ServerMessage {
  code: string;
  params: Record<string, any>;
  text: string;
}

/** A text in a file of a corpus: the file itself (`name` is empty), or a member of an archive. */
export interface CorpusText {
  name: string;
  format: string;
  encoding: string;
  songs: number;
  characters: number;
  /** How many lines, or parts of lines, were dropped, by kind. */
  dropped: Record<string, number>;
  /** The first of them: number, kind, text. */
  lines: [number: number, why: string, text: string][];
  notes: ServerMessage[];
}

export interface CorpusFile {
  number: number;
  name: string;
  bytes: number;
  error: ServerMessage | null;
  texts: CorpusText[];
  /** Members of the archive that were not read. */
  left_out: { name: string; why: string; reason: ServerMessage | null }[];
}

/** How long the lines of a corpus are, in syllables, and how they rhyme. */
export interface LineFigures {
  count: number;
  median: number;
  shortest: number;
  longest: number;
  usual: [length: number, lines: number][];
  couplets: number;
  alternate: number;
  rhymes: [group: string, lines: number][];
}

/** CORPUS */
export interface CorpusInfo {
  id: string;
  name: string;
  files: CorpusFile[];
  songs: number;
  lines: LineFigures;
  characters: number;
  distinct: number;
  sections: Record<string, number>;
  marked_songs: number;
  duplicates: string[][];
  duplicate_groups: number;
  common: [char: string, count: number][];
  rare: string;
  once: number;
  examples: string[];
  verdict: ServerMessage;
  error: ServerMessage | null;
}

export interface CorpusSummary {
  id: string;
  name: string;
  songs: number;
  characters: number;
}

/** A file that was dropped or chosen; `name` has the folders in which it lay. */
export interface FoundFile {
  file: File;
  name: string;
  inFolder: boolean;
}

export type RunState =
  | "queued"
  | "running"
  | "pausing"
  | "stopping"
  | "deleting"
  | "paused"
  | "finished"
  | "failed";

/** TRAINING */
export interface RunInfo {
  id: string;
  state: RunState;
  corpus: { songs: number; characters: number };
  seconds: number;
  step: number;
  steps: number;
  epoch: number;
  elapsed: number;
  characters_per_second: number;
  rounds: Round[];
  samples: { step: number; texts: string[] }[];
  error: ServerMessage | null;
  /** Runs that stand before it in the queue. */
  waiting: number;
}

/** A span of a text that also stands in the training lyrics. */
export interface CopiedSpan {
  start: number;
  length: number;
  song: number | null; // null: of what the base model has read
  title: string | null;
  line: number | null;
  source: string;
  differs_in: string[]; // in what it is written otherwise than there
}

/** CHECK */
export interface Check {
  text: string;
  lines: { letter: string; start: number }[];
  scheme: string;
  originality: { longest_copied: number; spans: CopiedSpan[] } | null;
}

/** The last event of a text that was written. */
export interface WriteEnd extends Check {
  seed: number;
  sections: [start: number, mark: string][];
}

/** CANDIDATE */
export interface CandidateLine {
  text: string;
  longest_copied: number | null;
}

export interface InspectedCharacter {
  char: string;
  nll: number;
  most_likely: [char: string, probability: number][];
}

/** The answer to `POST /api/models/{id}/inspect`. */
export interface InspectionAnswer {
  unknown: string;
  characters: InspectedCharacter[];
  nll: number;
  perplexity: number;
  hidden_size: number;
  /** base64 of signed bytes `(characters, hidden_size)` */
  states: string;
  units: Record<string, { unit: number; correlation: number }[]>;
}

/** The same, states decoded. */
export type Inspection = Omit<InspectionAnswer, "states"> & { states: Int8Array };

export interface ServerEvent {
  event: string;
  data: any;
}

// The page

/** A function of the phrases, so that a message changes with the language. */
export type Message = (t: Phrases) => string;

/** What the views share: which language, which model, which models there are. */
export interface Studio {
  language: Language;
  /** The id of the chosen model; "": there is none. */
  model: string;
  models: ModelInfo[];
  damaged: { id: string; error: string; own: boolean }[];
  session: Session;
  views: Views;
  phrases(): Phrases;
  /** Turns an error into a message. With `options`, marks the field that it is about. */
  describeError(error: unknown, options?: { markInvalid(name: string): boolean }): Message;
  loadModels(): Promise<void>;
  choose(id: string): void;
  open(view: ViewName): void;
}

export type ViewName = "write" | "inside" | "train" | "models";

export interface View {
  /** The view is opened. */
  show(): void;
  /** The language has changed. */
  showPhrases(): void;
}

export interface Views {
  write: import("./write.js").WriteView;
  inside: import("./inside.js").InsideView;
  train: import("./train.js").TrainView;
  models: import("./models.js").ModelsView;
}

/** A curve of a chart; points are seconds and perplexity. */
export interface Series {
  points: [number, number][];
  colour: number;
  dashed?: boolean;
  faint?: boolean;
}

/** The phrases of the studio. */
export interface Phrases extends SharedPhrases, WritePhrases, TrainPhrases {
  skip: string;
  views: string;
  viewWrite: string;
  viewInside: string;
  viewTrain: string;
  viewModels: string;
  model: string;
  /** The name of a base model in a list. */
  baseName(id: string): string;
  ownModel: string;
  ownModelLink: string;
  /** What the server's messages say, by code, and errors without one, by status. */
  messages: Record<string, string | ((params: any) => string)>;
  fieldError(field: string, message: string): string;

  scheme(scheme: string): string;
  copiedFrom(span: CopiedSpan): string;
  copiedCharacters(count: number): string;
  rhymeCustom: string;
  customRhyme: string;
  customRhymeHint: string;
  /** Label and help of each setting of writing, by its Python name. */
  options: Record<string, [label: string, help: string]>;
  rhymeStandards: Record<string, string>;

  watch: string;
  useDraft: string;
  editText: string;
  source: string;
  sourceHint: string;
  reading: string;
  character: string;
  noCharacter: string;
  nats(nll: number): string;
  nllAndProbability(nll: number, probability: string): string;
  percent(value: number): string;
  unitValue(unit: number, value: number): string;
  units: string;
  unitsHelp: string;
  unit: string;
  unitHint: string;
  unitKinds: Record<string, string>;
  noUnits: string;
  colourByNll: string;
  state: string;
  stateHelp: string;
  inspected(result: { count: number; nll: number; perplexity: number }): string;
  noText: string;
  nllScale: string;
  lineBreakName: string;
  spaceName: string;

  trainedOn(songs: number, characters: number, distinct: number): string;
  noFigures: string;
  importModel: string;
  importModelHelp: string;
  importing(name: string): string;
  importedModel(id: string): string;
  renameModel: string;
  renameModelTitle(id: string): string;
  renamedModel(id: string, name: string): string;
  deleteModel: string;
  deleteModelTitle(id: string): string;
  deleteModelWarning: string;
  deletedModel(id: string): string;
  architecture(config: ModelConfig, parameters: number | undefined): string;
  heldOut: string;
  baseline: string;
  onTraining: string;
  before: string;
  comesWithZuoci: string;
  trainingTime: string;
  trainedAt: string;
  exportHtml: string;
  exportHtmlHelp: string;
  exportOnnx: string;
  exportOnnxHelp: string;
  exportZip: string;
  exportZipHelp: string;
  exporting: string;
  exported(name: string): string;
  card: string;
  allSettings: string;
  noFingerprint: string;
}
