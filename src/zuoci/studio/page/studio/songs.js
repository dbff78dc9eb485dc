// The songs of the view "Write": which one is open, its title, and the list of all; they are saved by `SongSaver`.

import { byId, button, element, inputById, saveFile, setStatus } from "../shared/dom.js";
import { ApiError, download, get, post, put, remove, songPath } from "./api.js";
import { detailsOf, unpack } from "./song-content.js";
import { SongSaver } from "./song-saver.js";
import { keepPast, keepUnsaved, readPast, takeUnsaved, unsavedSongs } from "./unsaved.js";

/** @import {SaveState, SongAnswer, SongContent, SongSummary} from "./song-types.js" */
/** @import {Message, Studio} from "./types.js" */
/** @import {SongEditor} from "./song-editor.js" */

const NO_SONG = ""; // in place of an id: text that was typed before a song could be opened
const RETRY = 2000; // milliseconds until the folder of songs is tried again
/** @type {SongContent} */
const EMPTY = { text: "", lines: detailsOf(""), shelf: [] };

export class Songs {
  /**
   * @param {Studio} studio
   * @param {SongEditor} editor
   * @param {{changed: () => void, note: (note: Message) => void}} page `changed`: another text is shown
   */
  constructor(studio, editor, page) {
    this.studio = studio;
    this.editor = editor;
    this.page = page;
    /** @type {SongSaver | null} */
    this.saver = null;
    /** @type {string[]} */
    this.shelf = [];
    /** @type {SongSummary[]} */
    this.list = [];
    this.folder = "";
    /** @type {SaveState} */
    this.state = "saved";
    /** @type {Message | null} */
    this.problem = null;
    this.channel = new BroadcastChannel("zuoci songs"); // to the other tabs
    this.dialog = byId("songs-dialog", HTMLDialogElement);
    this.#listen();
  }

  #listen() {
    byId("songs").addEventListener("click", () => this.#openDialog());
    byId("new-song").addEventListener("click", () => this.#inDialog(() => this.create()));
    byId("import-songs").addEventListener("click", () => byId("song-files").click());
    byId("song-files").addEventListener("change", () => {
      const files = [...(inputById("song-files").files ?? [])];
      inputById("song-files").value = "";
      this.#inDialog(() => this.importFiles(files));
    });
    byId("export-text").addEventListener("click", () => this.#exportText());
    byId("export-lrc").addEventListener("click", () => this.#exportLrc());
    byId("close-songs").addEventListener("click", () => this.dialog.close());
    const title = inputById("title");
    title.addEventListener("change", () => this.#rename(title.value));
    title.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // or it would begin a line in the editor
      this.editor.focus();
    });
    byId("keep-mine").addEventListener("click", () => this.saver?.resolve("mine"));
    byId("take-theirs").addEventListener("click", () => this.saver?.resolve("theirs"));
    byId("keep-both").addEventListener("click", () => this.#keepBoth());
    this.channel.addEventListener("message", ({ data }) => this.#hear(data));
    addEventListener("focus", () => this.saver?.refresh().catch(() => {}));
    addEventListener("pagehide", () => this.#keepPast());
    addEventListener("beforeunload", (event) => this.state === "unsafe" && event.preventDefault());
    this.#acceptDrops(byId("sheet"));
  }

  /**
   * Opens the last song, or the newest, or a new one; tries again while that is not possible.
   * @param {string} last
   * @param {{text: string, locked: boolean}[]} rows of an earlier zuoci
   */
  async start(last, rows) {
    try {
      await this.#start(last, rows);
    } catch (error) {
      this.fail(error);
      setTimeout(() => this.start(last, rows), RETRY);
    }
  }

  /** @param {string} last @param {{text: string, locked: boolean}[]} rows */
  async #start(last, rows) {
    await this.#readList();
    const unsaved = unsavedSongs();
    const left = unsaved.find((id) => id !== NO_SONG && !this.list.some((song) => song.id === id));
    if (left !== undefined) await post("/songs", { title: left }).then(() => this.#readList());
    if (unsaved.includes(NO_SONG)) {
      await this.create();
      for (const typed of takeUnsaved(NO_SONG)) this.saver?.recover(typed);
    } else if (rows.length) await this.#adopt(rows);
    else if (this.list.length) await this.open((this.list.find(({ id }) => id === last) ?? this.list[0]).id);
    else await this.create();
  }

  /** Makes a song of the text that an earlier zuoci kept in the browser. @param {{text: string, locked: boolean}[]} rows */
  async #adopt(rows) {
    await this.create();
    const text = rows.map((row) => row.text).join("\n");
    const lines = rows.map(({ locked }, id) => ({ id, locked, by: null, time: null }));
    this.editor.replace({ text, lines });
    this.changed(true);
    await this.saver?.flush();
  }

  get id() {
    return this.saver?.id ?? "";
  }

  /** @returns {SongContent} */
  get content() {
    return { text: this.editor.text, lines: this.editor.details, shelf: this.shelf };
  }

  /** What the editor shows has changed. @param {boolean} [keep] add it to the former versions */
  changed(keep = false) {
    if (this.saver) this.saver.change(this.content, keep);
    else keepUnsaved(NO_SONG, { content: this.content, base: EMPTY, sent: [], version: "" });
  }

  /** Saves the song as it is as a version of its own. */
  async keepVersion() {
    this.changed(true);
    await this.saver?.flush();
  }

  /** @param {string} id */
  async open(id) {
    await this.#leave();
    this.#show(await get(songPath(id)));
  }

  async create() {
    const empty = this.list.find((song) => song.id.startsWith(this.studio.phrases().untitled) && !song.first_line);
    const song = empty && (await get(songPath(empty.id)));
    await this.#leave();
    this.#show(song && !song.text ? song : await post("/songs", { title: this.studio.phrases().untitled }));
    // The focus stays where it is: the song of a page that has just been opened comes while somebody fills in a field.
    if (document.activeElement === document.body) this.editor.focus();
  }

  async #leave() {
    await this.saver?.flush();
    this.#keepPast();
    this.saver?.close();
  }

  #keepPast() {
    if (this.saver && !this.saver.unsaved) keepPast(this.id, this.editor.past());
  }

  /** @param {SongAnswer} song */
  #show(song) {
    const content = unpack(song);
    this.shelf = content.shelf;
    this.saver = new SongSaver(song, {
      get: (id) => get(songPath(id)),
      put: (id, body) => this.#put(id, body),
      keep: keepUnsaved,
      show: (other) => this.#replace(other),
      report: (state, error) => this.#report(state, error),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    this.editor.open(content, readPast(song.id));
    inputById("title").value = song.id;
    this.#report("saved", null);
    for (const left of takeUnsaved(song.id)) this.saver.recover(left);
    this.page.changed();
  }

  /** @param {string} id @param {object} body */
  async #put(id, body) {
    try {
      const answer = await put(songPath(id), body);
      this.channel.postMessage({ saved: id });
      return answer;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "song_not_found") throw error;
      const { id: again, version } = await post("/songs", { title: id }); // its file was deleted
      if (again !== id) throw error;
      return put(songPath(id), { ...body, version });
    }
  }

  /** @param {SongContent} content that came from elsewhere */
  #replace(content) {
    this.shelf = content.shelf;
    this.editor.replace(content);
    this.page.changed();
  }

  /** What another tab has done. @param {{saved?: string, renamed?: [string, string]}} message */
  #hear({ saved, renamed }) {
    if (saved === this.id) this.saver?.refresh().catch(() => {});
    if (renamed?.[0] === this.id && this.saver) {
      this.saver.id = renamed[1];
      inputById("title").value = renamed[1];
    }
  }

  // States

  /** @param {SaveState} state @param {unknown} error */
  #report(state, error) {
    this.state = state;
    const limit = this.studio.session.limits.text;
    const characters = [...this.editor.text].length;
    /** @type {Message | null} */
    const tooLong = characters > limit ? (t) => t.tooLong(characters, limit) : null;
    const reason = error === null ? null : (tooLong ?? this.studio.describeError(error));
    const failed = state === "failed" || state === "unsafe";
    if (!failed) this.problem = null;
    else if (reason) this.problem = (t) => (state === "unsafe" ? `${t.saveStates.unsafe} ${reason(t)}` : t.saveFailed(reason(t)));
    this.showState();
  }

  showState() {
    const t = this.studio.phrases();
    const state = byId("save-state");
    state.textContent = t.saveStates[this.state];
    state.dataset.state = this.state;
    byId("song-problem").hidden = !this.problem;
    setStatus(byId("song-problem"), this.problem?.(t) ?? "");
    byId("song-conflict").hidden = this.state !== "conflict";
    byId("export-lrc").hidden = !this.editor.details.some(({ time }) => time);
  }

  async #keepBoth() {
    const { text, lines } = this.content;
    const { id: title } = this;
    await this.#attempt(async () => {
      const copy = await post("/songs", { title });
      await put(songPath(copy.id), { text, version: copy.version, lines: lines.map((line) => ({ ...line, by: null })) });
      this.saver?.resolve("theirs"); // now that this text is safe
    });
  }

  // Titles and the list

  /** @param {string} title */
  async #rename(title) {
    const { saver } = this;
    if (!saver || saver.paused || title.trim() === saver.id) return;
    await this.#attempt(() =>
      saver.pause(async () => {
        const { id } = await post(`${songPath(saver.id)}/rename`, { title });
        this.channel.postMessage({ renamed: [saver.id, id] });
        keepUnsaved(saver.id, null);
        saver.id = id;
        saver.change(saver.content); // what was typed meanwhile is kept under the new title
      }),
    );
    inputById("title").value = saver.id;
  }

  async #readList() {
    const { songs, folder } = await get("/songs");
    this.list = songs;
    this.folder = folder;
  }

  async #openDialog() {
    this.dialog.showModal();
    await this.#attempt(async () => {
      await this.saver?.flush();
      await this.#readList();
    });
    this.#showList();
  }

  #showList() {
    const t = this.studio.phrases();
    byId("song-folder").textContent = t.songsIn(this.folder);
    byId("no-songs").hidden = this.list.length > 0;
    byId("song-list").replaceChildren(...this.list.map((song) => this.#newItem(song)));
  }

  /** @param {SongSummary} song */
  #newItem({ id, modified, first_line }) {
    const t = this.studio.phrases();
    const open = button("", () => this.#inDialog(() => this.open(id)), "song");
    open.append(element("strong", { textContent: id }), element("span", { textContent: first_line }));
    open.append(element("small", { textContent: t.date(modified) }));
    if (id === this.id) open.setAttribute("aria-current", "true");
    const discard = button("×", () => this.#delete(id));
    discard.ariaLabel = t.deleteSong(id);
    return element("li", {}, open, discard);
  }

  /** @param {string} id */
  async #delete(id) {
    await this.#attempt(async () => {
      if (id === this.id) {
        await this.saver?.flush();
        this.saver?.close();
      }
      await remove(songPath(id));
      await this.#readList();
      if (id === this.id) await (this.list.length ? this.open(this.list[0].id) : this.create());
      this.page.note((t) => t.deletedSong(id));
    });
    await this.#readList();
    this.#showList();
    byId("new-song").focus();
  }

  /** Runs work that ends the dialog. @param {() => Promise<void>} work */
  async #inDialog(work) {
    await this.#attempt(async () => {
      await work();
      this.dialog.close();
      this.editor.focus();
    });
  }

  /** @param {() => Promise<void>} work */
  async #attempt(work) {
    await work().catch((error) => this.fail(error));
  }

  /** Shows why something could not be done. @param {unknown} error */
  fail(error) {
    this.problem = this.studio.describeError(error);
    this.showState();
  }

  // Files

  /** @param {File[]} files */
  async importFiles(files) {
    let last = "";
    for (const file of files) {
      last = (await post(`/songs/import?name=${encodeURIComponent(file.name)}`, file)).id;
    }
    if (last) await this.open(last);
    this.page.note((t) => t.imported(files.length));
  }

  /** @param {HTMLElement} sheet */
  #acceptDrops(sheet) {
    /** @param {DragEvent} event */
    const filesOf = (event) => [...(event.dataTransfer?.files ?? [])];
    sheet.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault(), true);
    sheet.addEventListener(
      "drop",
      (event) => {
        const files = filesOf(event);
        if (!files.length) return;
        event.preventDefault();
        event.stopPropagation();
        this.#attempt(() => this.importFiles(files));
      },
      true,
    );
  }

  #exportText() {
    saveFile(new Blob([`${this.editor.text}\n`], { type: "text/plain;charset=utf-8" }), `${this.id}.txt`);
  }

  async #exportLrc() {
    await this.#attempt(async () => {
      await this.saver?.flush();
      saveFile(await download(`${songPath(this.id)}/lrc`), `${this.id}.lrc`);
    });
  }

  showPhrases() {
    this.showState();
    this.#showList();
  }

  /** Shows a text in place of the song, as the person's doing. @param {string} text */
  restore(text) {
    this.editor.type({ from: 0, to: this.editor.text.length, insert: text });
  }
}
