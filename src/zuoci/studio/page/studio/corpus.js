// The lyrics of the next training run: bundled ones, or files that are dropped, with what was found in them.

import { button, buttonById, byId, inputById, setStatus } from "../shared/dom.js";
import { corpusPath, get, isAbort, post, remove, upload } from "./api.js";
import { megabytes, renderReport, someNames } from "./corpus-report.js";
import { chosenFiles, corpusName, droppedFiles, partTexts, uploadOf } from "./dropped-files.js";

/** @import {CorpusInfo, CorpusSummary, FoundFile, Message, Studio} from "./types.js" */

const BUNDLED = ["zh", "en"];

/** Whether a corpus is made of the user's files. @param {CorpusInfo} corpus */
function isOwn({ id }) {
  return !BUNDLED.includes(id);
}

export class CorpusMaker {
  /**
   * @param {Studio} studio
   * @param {(corpus: CorpusInfo | null) => void} changed
   */
  constructor(studio, changed) {
    this.studio = studio;
    this.changed = changed;
    /** @type {CorpusInfo | null} */
    this.corpus = null;
    /** @type {CorpusSummary[]} */
    this.list = [];
    /** @type {Message | null} */
    this.message = null;
    /** @type {Message | null} */
    this.note = null; // on files that were not sent
    /** @type {AbortController | null} */
    this.sending = null;
    /** @type {Promise<void>} */
    this.added = Promise.resolve(); // when all files that were dropped so far have been sent
    this.progress = 0; // of what is sent, from 0 to 1; the server reads it when all has arrived
    this.count = 0; // files that are sent
    this.unfolded = false;
    this.title = inputById("corpus-name");
    this.#listen();
  }

  #listen() {
    for (const [opener, id] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
      const input = inputById(id);
      byId(opener).addEventListener("click", () => input.click());
      input.addEventListener("change", () => {
        this.add(chosenFiles(input.files));
        input.value = "";
      });
    }
    for (const name of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
      byId("train-view").addEventListener(name, (event) => {
        event.preventDefault();
        byId("choose-files").classList.toggle("over", name === "dragover");
        if (name === "drop" && event.dataTransfer) this.#drop(event.dataTransfer);
      });
    }
    byId("cancel-upload").addEventListener("click", () => this.sending?.abort());
    byId("delete-corpus").addEventListener("click", () => this.#delete());
    this.title.addEventListener("change", () => this.#rename(this.title.value.trim()));
  }

  /** @param {DataTransfer} transfer */
  async #drop(transfer) {
    try {
      await this.add(await droppedFiles(transfer));
    } catch (error) {
      this.showMessage(this.studio.describeError(error));
    }
  }

  /** Reads which corpora there are. */
  async load() {
    this.list = (await get("/corpora")).corpora;
    this.#showList();
  }

  /** Takes a corpus: one of the user's, or the bundled lyrics of a language. @param {string} id */
  use(id) {
    this.note = null;
    return this.#request(() => get(corpusPath(id)));
  }

  /** Uploads files in one request. @param {FoundFile[]} found */
  async add(found) {
    const { session } = this.studio;
    const { texts, others } = partTexts(found, session.suffixes);
    this.note = others.length ? (t) => t.notTexts(others.length, someNames(others)) : null;
    const bytes = texts.reduce((all, { file }) => all + file.size, 0);
    const { files: most, upload_bytes: mostBytes } = session.limits;
    if (texts.length > most) return this.showMessage((t) => t.tooManyFiles(texts.length, most));
    if (bytes > mostBytes) return this.showMessage((t) => t.tooManyBytes(megabytes(bytes), megabytes(mostBytes)));
    if (!texts.length) return this.showMessage(found.length ? (t) => t.noTexts : null);
    this.added = this.added.then(() => this.#request(() => this.#send(texts))); // after those that are being sent
    await this.added;
  }

  /** Sends files into the user's corpus that is shown, or else into a new one. @param {FoundFile[]} texts */
  async #send(texts) {
    const id = this.corpus && isOwn(this.corpus) ? this.corpus.id : "";
    const made = id ? null : await post("/corpora", { name: corpusName(texts) });
    const corpus = id || made.id;
    this.sending = new AbortController();
    this.count = texts.length;
    this.#showProgress(0);
    try {
      return await upload(`${corpusPath(corpus)}/files`, uploadOf(texts), this.sending.signal, (part) => this.#showProgress(part));
    } catch (error) {
      if (made) await remove(corpusPath(corpus)).catch(() => {});
      if (!isAbort(error)) throw error;
      return made ? null : await get(corpusPath(corpus)); // the server may have read the files before it heard of the end
    } finally {
      this.sending = null;
      this.#showProgress(0);
    }
  }

  /** @param {number} part of the bytes that have been sent */
  #showProgress(part) {
    this.progress = part;
    const { sending } = this;
    const t = this.studio.phrases();
    byId("upload").hidden = !sending;
    buttonById("choose-files").disabled = buttonById("choose-folder").disabled = sending !== null;
    const bar = byId("upload-progress", HTMLProgressElement);
    bar.ariaLabel = t.readingFiles(this.count);
    if (part < 1) bar.value = part;
    else bar.removeAttribute("value");
    if (sending) setStatus(byId("upload-text"), part < 1 ? t.sendingFiles(this.count) : t.readingFiles(this.count));
  }

  /** @param {() => Promise<CorpusInfo | null>} send */
  async #request(send) {
    this.showMessage(null);
    try {
      this.#setCorpus(await send());
      await this.load();
    } catch (error) {
      this.showMessage(this.studio.describeError(error));
    }
  }

  /** @param {string} name */
  async #rename(name) {
    const { corpus } = this;
    if (!corpus || !name || name === corpus.name) return this.#setCorpus(corpus);
    await this.#request(() => post(`${corpusPath(corpus.id)}/rename`, { name }));
  }

  async #delete() {
    const { corpus } = this;
    if (!corpus) return;
    await this.#request(async () => {
      await remove(corpusPath(corpus.id));
      return null;
    });
    byId("choose-files").focus();
  }

  /** @param {Message | null} message */
  showMessage(message) {
    this.message = message;
    const t = this.studio.phrases();
    byId("corpus-status").hidden = !message;
    byId("corpus-status").textContent = message?.(t) ?? "";
    byId("corpus-note").hidden = !this.note;
    setStatus(byId("corpus-note"), this.note?.(t) ?? "");
  }

  clear() {
    this.note = null;
    this.showMessage(null);
    this.#setCorpus(null);
  }

  showPhrases() {
    this.#setCorpus(this.corpus);
    this.showMessage(this.message);
    this.#showProgress(this.progress);
  }

  /** @param {CorpusInfo | null} corpus */
  #setCorpus(corpus) {
    this.corpus = corpus;
    byId("corpus").hidden = !corpus;
    for (const language of BUNDLED) {
      byId(`bundled-${language}`).setAttribute("aria-pressed", String(corpus?.id === language));
    }
    if (corpus) this.#render(corpus);
    this.#showList();
    this.changed(corpus);
  }

  /** @param {CorpusInfo} corpus */
  #render(corpus) {
    const own = isOwn(corpus);
    byId("corpus-head").hidden = !own;
    this.title.value = corpus.name;
    const report = renderReport(corpus, this.studio.phrases(), {
      remove: (number) => this.#request(() => remove(`${corpusPath(corpus.id)}/files/${number}`)),
      unfolded: this.unfolded,
      unfold: (open) => (this.unfolded = open),
    });
    byId("corpus-report").replaceChildren(...report);
  }

  /** Shows the corpora that there are, to go back to one. */
  #showList() {
    const others = this.list.filter(({ id }) => id !== this.corpus?.id);
    const t = this.studio.phrases();
    byId("corpora").hidden = others.length === 0;
    const buttons = others.map(({ id, name, characters }) => button(t.corpusChoice(name, characters), () => this.use(id), "chip"));
    byId("corpus-list").replaceChildren(...buttons);
  }
}
