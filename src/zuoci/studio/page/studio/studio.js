// The studio's page: starts the four views and holds what they share, such as the language and the chosen model.

import { browserLanguage, byId, element } from "../shared/dom.js";
import { readStorage, showLanguage, showPhrases, writeStorage } from "../shared/dom.js";
import { ApiError, get } from "./api.js";
import { choices, firstChoice, ownModels } from "./choices.js";
import { InsideView } from "./inside.js";
import { say } from "./messages.js";
import { ModelsView } from "./models.js";
import { PHRASES } from "./phrases.js";
import { TrainView } from "./train.js";
import { WriteView } from "./write.js";

/** @import {Studio, ViewName} from "./types.js" */

const STORAGE_KEY = "zuoci studio";
const VIEWS = /** @type {const} */ (["write", "inside", "train", "models"]);

const stored = readStorage(STORAGE_KEY);

/**
 * `session` and `views` are set by `start`, before any view is shown.
 * @type {Omit<Studio, "session" | "views"> & Partial<Studio>}
 */
const page = {
  language: stored.language in PHRASES ? stored.language : browserLanguage(),
  model: typeof stored.model === "string" ? stored.model : "",
  models: [],
  damaged: [],
  phrases: () => PHRASES[page.language],
  describeError,
  loadModels,
  choose,
  open: (view) => (location.hash = view),
};

/** @type {Studio["describeError"]} */
function describeError(error, options) {
  if (!(error instanceof ApiError)) return () => (error instanceof Error ? error.message : `${error}`);
  const { code, status, param, params, message } = error;
  if (code === "model_not_found") loadModels().catch(() => {}); // somebody has deleted it
  const field = param?.split(".")[0] ?? ""; // of a list, the server names the item
  const marked = field !== "" && options?.markInvalid(field);
  return (t) => {
    const text = say(t, { code: t.messages[code ?? ""] ? (code ?? "") : `${status}`, params, text: message });
    return marked && field in t.options ? t.fieldError(t.options[field][0], text) : text;
  };
}

/** Reads the list of models from the server. */
async function loadModels() {
  const { models, damaged } = await get("/models");
  page.models = models;
  page.damaged = damaged;
  const lost = !page.models.some(({ id }) => id === page.model);
  if (lost) page.model = firstChoice(models, page.language);
  showModels();
  page.views?.models.update();
  page.views?.train.updateModels();
  if (lost) choose(page.model);
}

/** Shows the list of models. Who has none of their own is offered to train one. */
function showModels() {
  const options = choices(page.models, page.phrases()).map(([value, textContent]) =>
    element("option", { value, textContent }),
  );
  const list = byId("model", HTMLSelectElement);
  list.replaceChildren(...options);
  list.value = page.model;
  list.hidden = options.length === 0;
  byId("own-model").hidden = ownModels(page.models).length > 0;
}

/** Takes another model. @param {string} id */
function choose(id) {
  page.model = id;
  byId("model", HTMLSelectElement).value = id;
  store();
  page.views?.write.changeModel();
  page.views?.inside.changeModel();
}

function store() {
  writeStorage(STORAGE_KEY, { language: page.language, model: page.model });
}

/** The view that the address names. @returns {ViewName} */
function currentView() {
  const name = location.hash.slice(1);
  return VIEWS.find((view) => view === name) ?? "write";
}

/** Shows the current view. */
function route() {
  const current = currentView();
  for (const name of VIEWS) {
    byId(`${name}-view`).hidden = name !== current;
    const link = document.querySelector(`.views a[href="#${name}"]`);
    if (name === current) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
  }
  const t = page.phrases();
  const titles = { write: t.viewWrite, inside: t.viewInside, train: t.viewTrain, models: t.viewModels };
  document.title = `${titles[current]} · 作词 zuoci`;
  page.views?.[current].show();
}

function showTexts() {
  const t = page.phrases();
  showLanguage(page.language, t);
  showPhrases(t);
  showModels();
  for (const view of Object.values(page.views ?? {})) view.showPhrases();
}

async function start() {
  byId("model").addEventListener("change", () => choose(byId("model", HTMLSelectElement).value));
  byId("language").addEventListener("click", switchLanguage);
  showTexts();
  try {
    page.session = await get("/session");
    await loadModels();
  } catch (error) {
    byId("start-error").hidden = false;
    byId("start-error").textContent = describeError(error)(page.phrases());
    return;
  }
  const studio = /** @type {Studio} */ (page);
  studio.views = {
    write: new WriteView(studio),
    inside: new InsideView(studio),
    train: new TrainView(studio),
    models: new ModelsView(studio),
  };
  showTexts();
  route();
  addEventListener("hashchange", () => {
    route();
    byId("content").focus({ preventScroll: true });
    scrollTo(0, 0);
  });
}

function switchLanguage() {
  page.language = page.language === "zh" ? "en" : "zh";
  store();
  if (!ownModels(page.models).length) choose(firstChoice(page.models, page.language));
  showTexts();
  if (page.views) route();
}

start();
