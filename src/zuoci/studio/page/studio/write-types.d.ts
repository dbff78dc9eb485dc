// Types of the view "Write" for the type checker (tsconfig.json). Browsers never load this file.

import type { CheckedText } from "./checked-text.js";
import type { Phrases } from "./types.js";

/** Which lines are asked for: the rest of the line, a line for an empty place, or another in place of the one that stands. */
export type CandidateMode = "complete" | "fill" | "replace" | "alike" | "shorter" | "longer" | "rhyme";

/** The list of candidates under a line. */
export interface CandidateList {
  /** The id of the line. */
  line: number;
  mode: CandidateMode;
  /** All kinds that there are for this line. */
  modes: CandidateMode[];
  /** null: they are being looked for. */
  items: { text: string; note?: string }[] | null;
  selected: number;
  /** What is said in place of lines. */
  note: string;
}

/** What the list of candidates does. */
export interface ListActions {
  take(text: string): void;
  /** Asks for lines of a kind; asked again, for others. */
  mode(mode: CandidateMode): void;
  /** A line was chosen with the keys, and not taken yet. */
  selected(text: string): void;
  like(text: string): void;
  isLiked(text: string): boolean;
}

/** What `SongEditor` needs from the page around it. */
export interface EditorPage {
  checked: CheckedText;
  list: ListActions;
  /** Commands by key, in CodeMirror's notation. */
  keys: Record<string, () => void>;
  phrases(): Phrases;
  /** `changed`: the text, or what is known of its lines; `elsewhere`: by another page; `moved`: the cursor; `byPerson`: not by a model. */
  updated(update: { changed: boolean; elsewhere: boolean; moved: boolean; byPerson: boolean }): void;
  notify(event: "repeated"): void;
}

/** The phrases of the view "Write". */
export interface WritePhrases {
  songs: string;
  songTitle: string;
  untitled: string;
  newSong: string;
  importSongs: string;
  importHint: string;
  exportText: string;
  exportLrc: string;
  songsIn(folder: string): string;
  noSongs: string;
  deleteSong(title: string): string;
  deletedSong(title: string): string;
  openSong: string;
  close: string;
  saveStates: Record<"saved" | "saving" | "failed" | "unsafe" | "conflict", string>;
  saveFailed(reason: string): string;
  conflict: string;
  keepMine: string;
  takeTheirs: string;
  keepBoth: string;
  imported(count: number): string;

  versions: string;
  versionsOfLine(number: number): string;
  versionsOfSong: string;
  noVersions: string;
  byPerson: string;
  byModel(model: string, seed: number | null): string;
  restore: string;
  restored: string;
  date(seconds: number): string;
  lineCount(count: number): string;

  lineTools: string;
  suggest: string;
  suggestHint: string;
  rewrite: string;
  rewriteHint: string;
  lock: string;
  unlock: string;
  lockHint: string;
  moveUp: string;
  moveDown: string;
  addVerse: string;
  addChorus: string;
  verse: string;
  chorus: string;
  find: string;
  blank: string;
  redo: string;
  clear: string;
  keys: string;
  locked(number: number): string;
  unlocked(number: number): string;
  lineStatus(line: { number: number; syllables: number; letter: string; locked: boolean; sources: string[] }): string;
  rewriting(number: number): string;
  rewritten(number: number): string;
  stopped: string;
  repeated: string;
  noLine: string;
  tooLong(characters: number, limit: number): string;
  searchPhrases: Record<string, string>;

  candidateKinds: string;
  candidateModes: Record<CandidateMode, string>;
  found(count: number, first: string): string;
  closeList: string;
  like(text: string): string;
  shelf: string;
  shelfHint: string;
  insertLine(text: string): string;
  removeLiked(text: string): string;
}
