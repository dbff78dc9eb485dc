// The view "Models": what each model was trained on, its figures, its card and settings, and exports of it.

import { button, byId, element, inputById, saveFile, setStatus } from "../shared/dom.js";
import { formatNumber } from "../shared/format.js";
import { download, get, modelPath, post } from "./api.js";
import { ownModels } from "./choices.js";
import { renderMarkdown } from "./markdown.js";
import { say } from "./messages.js";
import { ModelDialog } from "./model-dialog.js";

/** @import {Message, ModelDetails, ModelInfo, Studio, View} from "./types.js" */

const EXPORTS = /** @type {const} */ ([
  ["html", "exportHtml", "exportHtmlHelp"],
  ["onnx", "exportOnnx", "exportOnnxHelp"],
  ["zip", "exportZip", "exportZipHelp"],
]);

/** @implements {View} */
export class ModelsView {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    this.stale = true; // the models have changed since they were last shown
    /** @type {Set<string>} */
    this.unfolded = new Set(); // parts of cards
    /** @type {Message | null} */
    this.message = null;
    this.dialog = new ModelDialog(studio, (work) => this.#change(work));
    this.#listen();
  }

  #listen() {
    const input = inputById("model-file");
    byId("import-model").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#import([...(input.files ?? [])]);
      input.value = "";
    });
    const view = byId("models-view");
    view.addEventListener("dragover", (event) => event.preventDefault());
    view.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#import([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** Takes models in that were exported as zips. @param {File[]} files */
  async #import(files) {
    for (const file of files) {
      this.showMessage((t) => t.importing(file.name));
      const done = await this.#change(async () => {
        const { id } = await post(`/models/import?name=${encodeURIComponent(file.name)}`, file);
        return (t) => t.importedModel(id);
      });
      if (!done) return;
    }
  }

  /**
   * Does something to models, and shows what there is then.
   * @param {() => Promise<Message>} work
   * @returns {Promise<boolean>} whether that was possible
   */
  async #change(work) {
    try {
      const message = await work();
      await this.studio.loadModels();
      this.showMessage(message);
      return true;
    } catch (error) {
      this.showMessage(this.studio.describeError(error), true);
      return false;
    }
  }

  /** @param {Message | null} message @param {boolean} [problem] */
  showMessage(message, problem = false) {
    this.message = message;
    const status = byId("models-status");
    status.classList.toggle("problem", problem);
    setStatus(status, message?.(this.studio.phrases()) ?? "");
  }

  /** The list of models has changed. */
  update() {
    this.stale = true;
    if (!byId("models-view").hidden) this.show();
  }

  /** @param {{id: string, error: string, own: boolean}} model */
  #damaged({ id, error, own }) {
    const t = this.studio.phrases();
    const node = element("div", { className: "error-banner" }, element("strong", { textContent: `${id}: ${t.messages.model_folder}` }));
    node.append(element("p", { className: "small", lang: "en", textContent: error }));
    if (own) node.append(button(t.deleteModel, () => this.dialog.delete(id)));
    return node;
  }

  show() {
    if (!this.stale) return;
    this.stale = false;
    this.showPhrases();
  }

  showPhrases() {
    const { models } = this.studio;
    const bases = models.filter(({ base }) => base);
    const cards = [...ownModels(models), ...bases].map((one) => this.#card(one));
    const damaged = this.studio.damaged.map((one) => this.#damaged(one));
    byId("models").replaceChildren(...damaged, ...cards);
    this.showMessage(this.message);
  }

  /** @param {ModelInfo} model */
  #card(model) {
    const t = this.studio.phrases();
    const { id, base, figures, originality } = model;
    const status = element("p", { className: "small status-line", role: "status" });
    const tools = [
      ...(model.own
        ? [button(t.renameModel, () => this.dialog.rename(id)), button(t.deleteModel, () => this.dialog.delete(id))]
        : []),
      button(t.writeWith, () => this.#use(id), "primary"),
    ];
    const title = element("h2", { textContent: id });
    const origin = element("span", { className: "small", textContent: base ? t.comesWithZuoci : "" });
    const trainedOn =
      figures.songs === undefined
        ? t.noFigures
        : t.trainedOn(figures.songs, figures.characters ?? 0, figures.vocab_size ?? 0);
    const architecture = t.architecture(model.model, figures.parameters);
    return element(
      "article",
      { className: "sheet model-card" },
      element("div", { className: "run-head" }, title, origin, element("span", { className: "gap" }), ...tools),
      element("p", { className: "lead", textContent: trainedOn }),
      element("p", { className: "small", textContent: architecture + (originality ? "" : ` · ${t.noFingerprint}`) }),
      ...(model.verdict && !base ? [element("p", { className: "verdict", textContent: say(t, model.verdict) })] : []),
      definitions("facts-row", this.#facts(model)),
      element(
        "div",
        { className: "sources exports" },
        ...EXPORTS.map(([kind, name, help]) => this.#exportButton(id, kind, t[name], t[help], status)),
      ),
      status,
      this.#details(id, "card", t.card, ({ card }) => renderMarkdown(card)),
      this.#details(id, "settings", t.allSettings, (found) => [definitions("settings", allSettings(found))]),
    );
  }

  /** @param {string} id */
  #use(id) {
    this.studio.choose(id);
    this.studio.open("write");
  }

  /** @param {ModelInfo} model @returns {[string, string][]} */
  #facts({ base, created, figures }) {
    const t = this.studio.phrases();
    const date = new Date(created * 1000);
    /** @type {[string, string | null | undefined | false][]} */
    const facts = [
      [t.heldOut, figures.validation && formatNumber(figures.validation.perplexity, 1)],
      [t.before, figures.base && formatNumber(figures.base.perplexity, 1)],
      [t.baseline, figures.baseline && formatNumber(figures.baseline.perplexity, 1)],
      [t.onTraining, figures.train && formatNumber(figures.train.perplexity, 1)],
      [t.trainingTime, figures.train_seconds !== undefined && t.duration(figures.train_seconds)],
      [t.trainedAt, !base && date.toLocaleString(this.studio.language, { dateStyle: "medium", timeStyle: "short" })],
    ];
    return facts.flatMap(([name, value]) => (value ? [/** @type {[string, string]} */ ([name, value])] : []));
  }

  /** @param {string} id @param {string} kind @param {string} name @param {string} help @param {HTMLElement} status */
  #exportButton(id, kind, name, help, status) {
    const t = this.studio.phrases();
    const label = [element("strong", { textContent: name }), element("small", { textContent: help })];
    const node = element("button", { type: "button", className: "choice" }, ...label);
    node.dataset.kind = kind;
    node.addEventListener("click", async () => {
      node.disabled = true;
      status.textContent = t.exporting;
      const file = `${id}.${kind}`;
      try {
        saveFile(await download(`${modelPath(id)}/export?kind=${kind}`), file);
        status.textContent = t.exported(file);
      } catch (error) {
        status.textContent = this.studio.describeError(error)(t);
      }
      node.disabled = false;
      node.focus();
    });
    return node;
  }

  /**
   * A part of a card that is fetched when it is unfolded.
   * @param {string} id
   * @param {string} name
   * @param {string} title
   * @param {(found: ModelDetails) => HTMLElement[]} render
   */
  #details(id, name, title, render) {
    const body = element("div", { className: "card-text" });
    const part = element("details", { className: "more" }, element("summary", { textContent: title }), body);
    const key = `${id} ${name}`;
    part.addEventListener("toggle", async () => {
      this.unfolded[part.open ? "add" : "delete"](key);
      if (!part.open || body.firstChild) return;
      try {
        body.replaceChildren(...render(await get(modelPath(id))));
      } catch (error) {
        body.textContent = this.studio.describeError(error)(this.studio.phrases());
      }
    });
    part.open = this.unfolded.has(key);
    return part;
  }
}

/** @param {ModelDetails} details @returns {[string, string][]} */
function allSettings({ training, model, sources }) {
  const files = sources.length ? { sources: sources.join(", ") } : {};
  return Object.entries({ ...model, ...training, ...files }).map(([name, value]) => [name, `${value}`]);
}

/** @param {string} className @param {[string, string][]} pairs */
function definitions(className, pairs) {
  const items = pairs.map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })),
  );
  return element("dl", { className }, ...items);
}
