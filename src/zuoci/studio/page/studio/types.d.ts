// Types for the type checker (tsconfig.json). Browsers never load this file. docs/api.md describes the server's answers.

import type { Language, SettingsDocument, SharedPhrases } from "../shared/types.js";
import type { WritePhrases } from "./write-types.js";

// The server's answers

export interface Session extends SettingsDocument {
  version: string;
  limits: { text: number };
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
  model: ModelConfig;
  originality: boolean;
  /** Whether it is a base model, which comes with zuoci. */
  base: boolean;
}

/** The answer to `GET /api/models/{id}`. */
export interface ModelDetails extends ModelInfo {
  training: Record<string, unknown>;
  card: string;
  rounds: Round[];
  sources: string[];
}

export interface CorpusFile {
  number: number;
  name: string;
  bytes: number;
  encoding: string[];
  notes: string[];
  error: string | null;
}

/** CORPUS */
export interface CorpusInfo {
  id: string;
  files: CorpusFile[];
  songs: number;
  lines: number;
  characters: number;
  distinct: number;
  examples: string[];
  error: string | null;
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
  error: string | null;
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
  damaged: { id: string; error: string }[];
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
export interface Phrases extends SharedPhrases, WritePhrases {
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
  /** Messages for codes and statuses of API errors. */
  errors: Record<string, string>;
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

  trainTitle: string;
  welcomeTitle: string;
  welcome: string;
  bundledZh: string;
  bundledZhHelp: string;
  bundledEn: string;
  bundledEnHelp: string;
  ownFiles: string;
  ownFilesHelp: string;
  corpusFound(corpus: CorpusInfo): string;
  readingFiles: string;
  removeFile(name: string): string;
  time: string;
  duration(seconds: number): string;
  recipeTime: string;
  startFrom: string;
  /** The choices of what a run starts from that are no models. */
  startChoices: Record<"auto" | "none", string>;
  name: string;
  start: string;
  runs: string;
  runStates: Record<RunState, string>;
  queuePosition(count: number): string;
  pause: string;
  resume: string;
  finishNow: string;
  discard: string;
  writeWith: string;
  progress(run: { epoch: number; elapsed: number; speed: number }): string;
  perplexities(train: Score | null, validation: Score | null): string;
  beforeTraining(validation: Score): string;
  samples: string;
  noSamples: string;
  chartTitle(names: string): string;
  timeAxis: string;
  perplexityAxis: string;
  trainCurve: string;
  validationCurve: string;
  stepCurve: string;
  compare: string;
  compareHelp: string;
  columns: string[];
  showInChart(name: string): string;

  trainedOn(songs: number, characters: number, distinct: number): string;
  noFigures: string;
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
