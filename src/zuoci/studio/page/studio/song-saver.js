// Saves a song as one types. What the server has not acknowledged is kept in the browser, and is merged with what others
// have saved meanwhile; only if both changed the same lines, the person is asked.

import { digest, mergeContents, pack, sameContent, unpack } from "./song-content.js";

/** @import {SaverWorld, SongAnswer, SongContent, Unsaved} from "./song-types.js" */

const PAUSE = 300; // milliseconds without a change before a song is saved
const MAX_SENT = 1000; // saves without an answer that are remembered
const RETRIES = [1000, 2000, 4000, 8000]; // milliseconds, if the server cannot be reached

export class SongSaver {
  /**
   * @param {SongAnswer} song
   * @param {SaverWorld} world
   */
  constructor(song, world) {
    this.id = song.id;
    this.world = world;
    this.version = song.version;
    this.base = unpack(song); // what the server has
    this.content = this.base; // what the page shows
    /** @type {string[]} */
    this.sent = []; // digests of what the server may have, if its answers were lost
    this.keep = false; // add the next save to the former versions
    this.failures = 0;
    /** @type {SongContent | null} */
    this.conflict = null; // what another one saved
    this.closed = false;
    /** @type {Promise<void> | null} */
    this.running = null;
    this.hurried = () => {}; // ends a wait
    /** @type {Promise<void> | null} */
    this.paused = null; // while it lasts, nothing is saved
  }

  get unsaved() {
    return !sameContent(this.content, this.base);
  }

  /** The person or a model has changed the song. @param {SongContent} content @param {boolean} [keep] */
  change(content, keep = false) {
    this.content = content;
    this.keep ||= keep;
    if (!this.unsaved && !this.keep) return;
    const kept = this.#keepUnsaved();
    if (this.conflict) return;
    if (!kept && this.failures) this.world.report("unsafe", null);
    else if (!this.failures) this.world.report("saving", null);
    this.running ??= this.#run();
  }

  /** Takes over text that another page left unsaved. @param {Unsaved} left */
  recover(left) {
    const arrived = left.sent.includes(digest(this.content));
    const merged = arrived ? left.content : mergeContents(left.base, left.content, this.content);
    if (merged && sameContent(merged, this.content)) return;
    this.world.show(merged ?? left.content);
    if (!merged) this.#ask(this.content);
    this.change(merged ?? left.content, true);
  }

  /** Saves now; resolves when the server has everything, or cannot be reached. */
  async flush() {
    if (this.conflict || (!this.unsaved && !this.keep)) return;
    this.running ??= this.#run();
    this.hurried();
    const failures = this.failures;
    await Promise.race([this.running, this.#failed(failures)]);
  }

  /** Saves what there is, and then does some work during which nothing is saved. @param {() => Promise<void>} work */
  async pause(work) {
    await this.flush();
    this.paused = work();
    try {
      await this.paused;
    } finally {
      this.paused = null;
    }
  }

  /** Looks whether another page has saved the song. */
  async refresh() {
    if (this.running || this.paused || this.conflict || this.closed) return;
    const song = await this.world.get(this.id);
    if (song.version === this.version || this.running || this.closed) return;
    this.#takeOver(song);
    if (this.unsaved) this.change(this.content);
  }

  /** Ends a conflict. @param {"mine" | "theirs"} choice whose text stays */
  resolve(choice) {
    const theirs = this.conflict;
    if (!theirs) return;
    this.conflict = null;
    this.base = theirs;
    if (choice === "theirs") {
      this.content = theirs;
      this.world.show(theirs);
    }
    this.world.keep(this.id, null);
    this.world.report("saved", null);
    this.change(this.content, true);
  }

  /** Stops saving. What is not saved stays in the browser. */
  close() {
    this.closed = true;
    this.hurried();
  }

  async #run() {
    await this.#wait(PAUSE);
    while ((this.unsaved || this.keep) && !this.closed && !this.conflict) {
      await this.paused?.catch(() => {});
      await this.#save();
    }
    this.running = null;
  }

  async #save() {
    const { content, keep } = this;
    this.keep = false;
    this.sent = [...this.sent, digest(content)].slice(-MAX_SENT);
    this.#keepUnsaved();
    try {
      const { version } = await this.world.put(this.id, { ...pack(content), version: this.version, keep });
      this.version = version;
      this.base = content;
      this.sent = [];
      this.failures = 0;
      this.#keepUnsaved();
      if (!this.unsaved) this.world.report("saved", null);
    } catch (error) {
      this.keep ||= keep;
      if (isChange(error) && (await this.#mergeTheirs())) return;
      if (this.conflict) return;
      const { length } = RETRIES;
      this.failures++;
      this.world.report(this.#keepUnsaved() ? "failed" : "unsafe", error);
      await this.#wait(RETRIES[Math.min(this.failures, length) - 1]);
    }
  }

  /** @returns {Promise<boolean>} whether what another page saved could be read */
  async #mergeTheirs() {
    try {
      this.#takeOver(await this.world.get(this.id));
      return true;
    } catch {
      return false;
    }
  }

  /** Merges what the server has into what the page shows. @param {SongAnswer} song */
  #takeOver(song) {
    const theirs = unpack(song);
    this.version = song.version;
    const arrived = this.sent.includes(digest(theirs));
    const merged = arrived ? this.content : mergeContents(this.base, this.content, theirs);
    if (!merged) return this.#ask(theirs);
    this.base = theirs;
    if (sameContent(merged, this.content)) return undefined;
    this.content = merged;
    return this.world.show(merged);
  }

  /** @param {SongContent} theirs */
  #ask(theirs) {
    this.conflict = theirs;
    this.#keepUnsaved();
    this.world.report("conflict", null);
  }

  #keepUnsaved() {
    const { content, base, sent, version } = this;
    return this.world.keep(this.id, this.unsaved ? { content, base, sent, version } : null);
  }

  /** Resolves after a while, or at `hurried`. @param {number} milliseconds */
  async #wait(milliseconds) {
    await Promise.race([this.world.wait(milliseconds), new Promise((resolve) => (this.hurried = () => resolve(null)))]);
  }

  /** Resolves once saving has failed again. @param {number} failures so far */
  async #failed(failures) {
    while (this.running && this.failures <= failures) await this.world.wait(50);
  }
}

/** Whether an error says that another page has saved the song. @param {unknown} error */
function isChange(error) {
  return error instanceof Error && "code" in error && error.code === "song_changed";
}
