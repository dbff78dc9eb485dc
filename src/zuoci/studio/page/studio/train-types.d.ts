// Types of the phrases of the view "Train" for the type checker (tsconfig.json). Browsers never load this file.

import type { CorpusInfo, LineFigures, RunState, Score } from "./types.js";

export interface TrainPhrases {
  trainTitle: string;
  welcomeTitle: string;
  welcome: string;
  bundledZh: string;
  bundledZhHelp: string;
  bundledEn: string;
  bundledEnHelp: string;
  ownFiles: string;
  ownFilesHelp: string;
  ownFolder: string;
  ownFolderHelp: string;
  corpora: string;
  corpusName: string;
  deleteCorpus: string;
  corpusChoice(name: string, characters: number): string;
  sendingFiles(count: number): string;
  readingFiles(count: number): string;
  cancel: string;
  notTexts(count: number, names: string): string;
  noTexts: string;
  tooManyFiles(count: number, most: number): string;
  tooManyBytes(size: string, most: string): string;
  corpusFound(corpus: CorpusInfo): string;
  lineLengths(lines: LineFigures): string;
  rhymesFound(lines: LineFigures): string;
  sectionsFound(sections: Record<string, number>): string;
  droppedFound(dropped: Record<string, number>): string;
  leftOutFound(kinds: Record<string, number>): string;
  duplicatesFound(groups: string[][], count: number): string;
  commonCharacters(common: string, once: number, rare: string): string;
  filesRead(count: number): string;
  textsInFile(count: number): string;
  textSize(songs: number, characters: number): string;
  droppedLines: string;
  lineNumber(number: number): string;
  andMore(count: number): string;
  /** Names of formats that are not the same in every language. */
  formats: Record<string, string>;
  /** Kinds of lines that are not trained on. */
  droppedKinds: Record<string, string>;
  /** Kinds of files that are not read. */
  leftOutKinds: Record<string, string>;
  sectionKinds: Record<string, string>;
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
  timeLeft(seconds: number): string;
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
}
