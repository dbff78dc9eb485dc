// The corpus of the next training run: bundled lyrics, or files that are dropped, with what was found in them.

import { button, byId, element, inputById } from "../shared/dom.js";
import { get, post, remove } from "./api.js";

/** @import {CorpusFile, CorpusInfo, Message, Phrases, Studio} from "./types.js" */

const EXAMPLES = 4; // lines

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
    /** @type {Message | null} */
    this.message = null;
    const input = inputById("files");
    byId("choose-files").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.value = "";
    });
    for (const name of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
      byId("train-view").addEventListener(name, (event) => {
        event.preventDefault();
        byId("choose-files").classList.toggle("over", name === "dragover");
        if (name === "drop") this.add([...(event.dataTransfer?.files ?? [])]);
      });
    }
  }

  /** Takes the bundled lyrics of a language. @param {string} language */
  use(language) {
    return this.#request(() => get(`/corpora/${language}`));
  }

  /** Uploads files. @param {File[]} files */
  async add(files) {
    if (!files.length) return;
    this.showMessage((t) => t.readingFiles);
    await this.#request(async () => {
      /** @type {CorpusInfo} */
      let corpus = this.corpus?.files.length ? this.corpus : await post("/corpora");
      for (const file of files) {
        corpus = await post(`/corpora/${corpus.id}/files?name=${encodeURIComponent(file.name)}`, file);
        this.#setCorpus(corpus);
      }
      return corpus;
    });
  }

  /** @param {() => Promise<CorpusInfo>} send */
  async #request(send) {
    try {
      const corpus = await send();
      this.showMessage(null);
      this.#setCorpus(corpus);
    } catch (error) {
      this.showMessage(this.studio.describeError(error));
    }
  }

  /** @param {Message | null} message */
  showMessage(message) {
    this.message = message;
    byId("corpus-status").hidden = !message;
    byId("corpus-status").textContent = message ? message(this.studio.phrases()) : "";
  }

  clear() {
    this.showMessage(null);
    this.#setCorpus(null);
  }

  showPhrases() {
    this.#setCorpus(this.corpus);
    this.showMessage(this.message);
  }

  /** @param {CorpusInfo | null} corpus */
  #setCorpus(corpus) {
    this.corpus = corpus;
    byId("corpus").hidden = !corpus;
    for (const language of ["zh", "en"]) {
      byId(`bundled-${language}`).setAttribute("aria-pressed", String(corpus?.id === language));
    }
    if (corpus) this.#render(corpus);
    this.changed(corpus);
  }

  /** @param {CorpusInfo} corpus */
  #render(corpus) {
    const t = this.studio.phrases();
    const { files, examples, error } = corpus;
    const found = error
      ? element("p", { className: "problem", textContent: error })
      : element("p", { className: "corpus-summary", textContent: t.corpusFound(corpus) });
    const items = files.map((file) => this.#fileItem(corpus, file, t));
    const lines = examples.slice(0, EXAMPLES).map((line) => element("p", { textContent: line }));
    byId("corpus").replaceChildren(
      found,
      ...(items.length ? [element("ul", { className: "files" }, ...items)] : []),
      ...(error ? [] : [element("blockquote", { className: "examples" }, ...lines)]),
    );
  }

  /** @param {CorpusInfo} corpus @param {CorpusFile} file @param {Phrases} t */
  #fileItem(corpus, { number, name, bytes, encoding, notes, error }, t) {
    const dropFile = () => this.#request(() => remove(`/corpora/${corpus.id}/files/${number}`));
    const removeButton = button("×", dropFile);
    removeButton.ariaLabel = t.removeFile(name);
    const size = bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
    const facts = element("small", { textContent: [size, ...encoding, ...notes].join(" · ") });
    return element(
      "li",
      {},
      element("span", {}, element("b", { textContent: name }), " ", facts),
      removeButton,
      ...(error ? [element("p", { className: "problem", textContent: error })] : []),
    );
  }
}
