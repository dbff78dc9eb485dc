// A corpus in the making: files that are dropped, and what was found in them.

import { drop, get, post } from "./api.js";
import { by, button, element } from "../shared/dom.js";

export class CorpusMaker {
  /** @param {(corpus: object | null) => void} changed */
  constructor(studio, changed) {
    Object.assign(this, { studio, changed });
    this.corpus = null;
    this.problem = null;
    by("drop").addEventListener("click", () => by("files").click());
    by("files").addEventListener("change", () => {
      this.add([...by("files").files]);
      by("files").value = "";
    });
    const place = by("train-place");
    for (const name of ["dragover", "dragleave", "drop"]) {
      place.addEventListener(name, (event) => {
        event.preventDefault();
        by("drop").classList.toggle("over", name === "dragover");
        if (name === "drop") this.add([...event.dataTransfer.files]);
      });
    }
  }

  /** Takes the bundled lyrics of a language; null if that fails. */
  use(language) {
    return this.#do(() => get(`/corpora/${language}`));
  }

  async add(files) {
    if (!files.length) return;
    this.say((t) => t.reads);
    await this.#do(async () => {
      let corpus = this.corpus?.files.length ? this.corpus : await post("/corpora");
      for (const file of files) {
        corpus = await post(`/corpora/${corpus.id}/files?name=${encodeURIComponent(file.name)}`, file);
        this.#take(corpus);
      }
      return corpus;
    });
  }

  async #do(act) {
    try {
      const corpus = await act();
      this.say(null);
      this.#take(corpus);
      return corpus;
    } catch (error) {
      this.say(error);
      return null;
    }
  }

  /** Says what goes on, or what went wrong. @param {Error | ((words: object) => string) | null} what */
  say(what) {
    this.problem = what instanceof Error ? this.studio.tell(what) : what;
    by("corpus-status").hidden = !this.problem;
    by("corpus-status").textContent = this.problem ? this.problem(this.studio.words()) : "";
  }

  clear() {
    this.say(null);
    this.#take(null);
  }

  speak() {
    this.#take(this.corpus);
    by("corpus-status").textContent = this.problem ? this.problem(this.studio.words()) : "";
  }

  #take(corpus) {
    this.corpus = corpus;
    by("corpus").hidden = !corpus;
    this.#mark();
    if (corpus) this.#render();
    this.changed(corpus);
  }

  #mark() {
    for (const [id, name] of [
      ["bundled-zh", "zh"],
      ["bundled-en", "en"],
    ]) {
      by(id).setAttribute("aria-pressed", String(this.corpus?.id === name));
    }
  }

  #render() {
    const t = this.studio.words();
    const { files, examples, error } = this.corpus;
    const found = error
      ? element("p", { className: "problem", textContent: error })
      : element("p", { className: "found-text", textContent: t.corpusFound(this.corpus) });
    const items = files.map((file) => this.#file(file, t));
    const lines = error
      ? []
      : [
          element(
            "blockquote",
            { className: "examples" },
            ...examples.slice(0, 4).map((line) => element("p", { textContent: line })),
          ),
        ];
    by("corpus").replaceChildren(
      found,
      ...(items.length ? [element("ul", { className: "files" }, ...items)] : []),
      ...lines,
    );
  }

  #file({ number, name, bytes, encoding, notes, error }, t) {
    const remove = button("×", () => this.#do(() => drop(`/corpora/${this.corpus.id}/files/${number}`)));
    remove.ariaLabel = t.removeFile(name);
    const size = bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
    const facts = [size, ...encoding, ...notes].join(" · ");
    return element(
      "li",
      {},
      element("span", {}, element("b", { textContent: name }), " ", element("small", { textContent: facts })),
      remove,
      ...(error ? [element("p", { className: "problem", textContent: error })] : []),
    );
  }
}
