// The studio: four places, one model, one language.

import { get } from "./api.js";
import { by, button, element, recall, remember, speak } from "../shared/dom.js";
import { Inside } from "./inside.js";
import { Models } from "./models.js";
import { WORDS } from "./phrases.js";
import { Train } from "./train.js";
import { Write } from "./write.js";

const MEMORY = "zuoci studio";
const PLACES = ["write", "inside", "train", "models"];

const kept = recall(MEMORY);
const studio = {
  language: kept.language in WORDS ? kept.language : navigator.language.startsWith("zh") ? "zh" : "en",
  model: typeof kept.model === "string" ? kept.model : "",
  models: [],
  session: null,
  places: {},
  words: () => WORDS[studio.language],
  tell,
  loadModels,
  choose,
  go: (place) => (location.hash = place),
};

/** What to say of an error, as a function of the words. */
function tell(error, options = null) {
  const blamed = options?.blame(error.param);
  return (t) => {
    const known = t.sorry[error.code] ?? t.sorry[error.status];
    if (known) return known;
    return blamed ? t.sorry.field(t.options[error.param]?.[0] ?? error.param, error.message) : error.message;
  };
}

function trouble(error) {
  by("trouble").hidden = !error;
  by("trouble").textContent = error ? tell(error)(studio.words()) : "";
}

async function loadModels() {
  Object.assign(studio, await get("/models"));
  if (!studio.models.some(({ id }) => id === studio.model)) studio.model = newest()?.id ?? "";
  showModels();
}

function newest() {
  return studio.models.toSorted((a, b) => b.created - a.created)[0];
}

function showModels() {
  const options = studio.models.map(({ id }) => element("option", { value: id, textContent: id }));
  by("model").replaceChildren(...options);
  by("model").value = studio.model;
  by("model").hidden = studio.models.length === 0;
}

function choose(id) {
  studio.model = id;
  by("model").value = id;
  remember(MEMORY, { language: studio.language, model: id });
  studio.places.write.changeModel();
  studio.places.inside.changeModel();
}

function here() {
  const place = location.hash.slice(1);
  return PLACES.includes(place) ? place : studio.models.length ? "write" : "train";
}

/** Shows the place that the address names; without a model, only those that need none. */
function route() {
  const place = here();
  const needs = !studio.models.length && place !== "train";
  for (const name of PLACES) {
    by(`${name}-place`).hidden = name !== place || needs;
    const link = document.querySelector(`.places a[href="#${name}"]`);
    if (name === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  by("nothing").hidden = !needs;
  const { placeWrite, placeInside, placeTrain, placeModels } = studio.words();
  document.title = `${{ write: placeWrite, inside: placeInside, train: placeTrain, models: placeModels }[place]} · 作词 zuoci`;
  if (!needs) studio.places[place].show();
}

function speakAll() {
  const t = studio.words();
  document.documentElement.lang = studio.language;
  speak(t);
  by("language").textContent = t.other;
  by("language").lang = studio.language === "zh" ? "en" : "zh";
  for (const place of Object.values(studio.places)) place.speak();
}

async function start() {
  speakAll();
  try {
    studio.session = await get("/session");
    await loadModels();
  } catch (error) {
    return trouble(error);
  }
  studio.places = {
    write: new Write(studio),
    inside: new Inside(studio),
    train: new Train(studio),
    models: new Models(studio),
  };
  speakAll();
  route();
  addEventListener("hashchange", () => {
    route();
    by("place").focus({ preventScroll: true });
    scrollTo(0, 0);
  });
}

by("nothing").append(button("", () => studio.go("train"), "primary"));
by("nothing").lastChild.dataset.text = "nothingGo";
by("model").addEventListener("change", () => choose(by("model").value));
by("language").addEventListener("click", () => {
  studio.language = studio.language === "zh" ? "en" : "zh";
  remember(MEMORY, { language: studio.language, model: studio.model });
  speakAll();
  if (studio.session) route();
});
start();
