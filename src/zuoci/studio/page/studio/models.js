// Models: what each was trained on, its figures, its card, and ways to take it along.

import { file, get, model } from "./api.js";
import { by, button, element, saveFile } from "../shared/dom.js";
import { markdown } from "./markdown.js";
import { shown } from "../shared/words.js";

const EXPORTS = [
  ["html", "exportHtml"],
  ["onnx", "exportOnnx"],
  ["zip", "exportZip"],
];

export class Models {
  constructor(studio) {
    this.studio = studio;
    this.stale = true;
    this.open = new Set(); // cards that are unfolded
  }

  show() {
    if (!this.stale) return;
    this.stale = false;
    this.speak();
  }

  speak() {
    const cards = this.studio.models.toReversed().map((one) => this.#card(one));
    const damaged = this.studio.damaged.map(({ id, error }) =>
      element("p", { className: "trouble", textContent: `${id}: ${error}` }),
    );
    by("models").replaceChildren(...damaged, ...cards);
  }

  #card({ id, created, figures, model: config, originality }) {
    const t = this.studio.words();
    const status = element("p", { className: "small status-line", role: "status" });
    const use = button(
      t.use,
      () => {
        this.studio.choose(id);
        this.studio.go("write");
      },
      "primary",
    );
    const head = element(
      "div",
      { className: "run-head" },
      element("h2", { textContent: id }),
      element("span", { className: "gap" }),
      use,
    );
    const on = figures.songs === undefined ? t.figuresNone : t.trainedOn(figures);
    const facts = [
      [t.held, figures.validation && shown(figures.validation.perplexity, 1)],
      [t.counting, figures.baseline && shown(figures.baseline.perplexity, 1)],
      [t.onTraining, figures.train && shown(figures.train.perplexity, 1)],
      [t.took, figures.train_seconds !== undefined && t.tookSeconds(figures.train_seconds)],
      [
        t.when,
        new Date(created * 1000).toLocaleString(this.studio.language, { dateStyle: "medium", timeStyle: "short" }),
      ],
    ].filter(([, value]) => value);
    const list = element(
      "dl",
      { className: "facts-row" },
      ...facts.map(([name, value]) =>
        element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })),
      ),
    );
    const ways = EXPORTS.map(([kind, name]) => this.#way(id, kind, name, status));
    return element(
      "article",
      { className: "sheet model-card" },
      head,
      element("p", { className: "lead", textContent: on }),
      element("p", {
        className: "small",
        textContent: `${t.shape(config, figures.parameters)}${originality ? "" : ` · ${t.originalityNo}`}`,
      }),
      list,
      element("div", { className: "sources ways" }, ...ways),
      status,
      this.#more(id, "card", t, (found) => markdown(found.card)),
      this.#more(id, "settings", t, (found) => [settings(found)]),
    );
  }

  #way(id, kind, name, status) {
    const t = this.studio.words();
    const node = element(
      "button",
      { type: "button", className: "choice" },
      element("strong", { textContent: t[name] }),
      element("small", { textContent: t[`${name}Help`] }),
    );
    node.dataset.kind = kind;
    node.addEventListener("click", async () => {
      node.disabled = true;
      status.textContent = t.exporting;
      const named = `${id}.${kind}`;
      try {
        saveFile(await file(`${model(id)}/export?kind=${kind}`), named);
        status.textContent = t.exported(named);
      } catch (error) {
        status.textContent = this.studio.tell(error)(t);
      }
      node.disabled = false;
      node.focus();
    });
    return node;
  }

  /** A part that is fetched when it is unfolded. */
  #more(id, name, t, nodes) {
    const body = element("div", { className: "card-text" });
    const part = element("details", { className: "more" }, element("summary", { textContent: t[name] }), body);
    const key = `${id} ${name}`;
    part.addEventListener("toggle", async () => {
      this.open[part.open ? "add" : "delete"](key);
      if (!part.open || body.firstChild) return;
      try {
        body.replaceChildren(...nodes(await get(model(id))));
      } catch (error) {
        body.textContent = this.studio.tell(error)(t);
      }
    });
    part.open = this.open.has(key);
    return part;
  }
}

function settings({ training, model: config, sources }) {
  const all = { ...config, ...training, ...(sources.length ? { sources: sources.join(", ") } : {}) };
  const rows = Object.entries(all).map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: `${value}` })),
  );
  return element("dl", { className: "settings" }, ...rows);
}
