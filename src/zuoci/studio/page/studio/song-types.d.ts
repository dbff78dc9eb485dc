// Types of songs for the type checker (tsconfig.json). Browsers never load this file.

/** A model that wrote a line, with the settings that write it again. */
export interface Author {
  model: string;
  seed: number | null;
  settings: Record<string, unknown>;
}

/** What is known of a line besides its text. */
export interface LineDetails {
  /** The line keeps it while its text changes. */
  id: number;
  locked: boolean;
  /** Who wrote it; null: the person. */
  by: Author | null;
  /** Its time stamp, if the song came as LRC. */
  time: string | null;
}

/** What the page saves of a song. */
export interface SongContent {
  text: string;
  lines: LineDetails[];
  shelf: string[];
}

/** The lines of an answer or a request: authors are indices of a list. */
export interface PackedSong {
  text: string;
  lines: { id: number; locked: boolean; by: number | null; time: string | null }[];
  authors: Author[];
  shelf: string[];
}

/** SONG */
export interface SongAnswer extends PackedSong {
  id: string;
  version: string;
  tags: string[];
}

export interface SongSummary {
  id: string;
  /** Seconds since 1970. */
  modified: number;
  first_line: string;
}

export interface SongVersion {
  /** Seconds since 1970. */
  at: number;
  lines: { id: number; text: string; by: Author | null }[];
}

/** Text that the server has not acknowledged yet, as the browser keeps it. */
export interface Unsaved {
  content: SongContent;
  base: SongContent;
  /** Digests of what was sent since; the answers were lost. */
  sent: string[];
  version: string;
}

/** `unsafe`: neither the server nor the browser has the text. */
export type SaveState = "saved" | "saving" | "failed" | "unsafe" | "conflict";

/** What `SongSaver` needs from around it. */
export interface SaverWorld {
  get(id: string): Promise<SongAnswer>;
  put(id: string, body: object): Promise<{ version: string }>;
  /** Keeps unsaved text in the browser; null: forgets it. Returns whether that was possible. */
  keep(id: string, unsaved: Unsaved | null): boolean;
  /** Shows content that came from elsewhere. */
  show(content: SongContent): void;
  /** The state has changed; `error` says why saving failed. */
  report(state: SaveState, error: unknown): void;
  wait(milliseconds: number): Promise<void>;
}
