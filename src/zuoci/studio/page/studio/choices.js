// Which models there are to choose from: the user's own, and the base models that come with zuoci.

/** @import {Language} from "../shared/types.js" */
/** @import {ModelInfo, Phrases} from "./types.js" */

/** The models that do not come with zuoci, the newest first. @param {ModelInfo[]} models */
export const ownModels = (models) => models.filter(({ base }) => !base).toSorted((a, b) => b.created - a.created);

/**
 * The model that is chosen while nobody has chosen one: the newest of the user's own, else the base model of a language.
 * @param {ModelInfo[]} models
 * @param {Language} language
 * @returns {string} its id; "" if there is no model
 */
export function firstChoice(models, language) {
  const [newest] = ownModels(models);
  const [base] = models.toSorted((a, b) => Number(b.id.startsWith(language)) - Number(a.id.startsWith(language)));
  return (newest ?? base)?.id ?? "";
}

/**
 * The ids of all models with the names that the page shows, the newest first and base models last.
 * @param {ModelInfo[]} models
 * @param {Phrases} t
 * @returns {[id: string, name: string][]}
 */
export function choices(models, t) {
  const all = [...ownModels(models), ...models.filter(({ base }) => base)];
  return all.map(({ id, base }) => [id, base ? t.baseName(id) : id]);
}
