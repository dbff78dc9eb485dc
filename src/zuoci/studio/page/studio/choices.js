// Which models there are to choose from: the user's own, and the base models that come with zuoci.

/** @import {Language} from "../shared/types.js" */
/** @import {ModelInfo, Phrases} from "./types.js" */

/** The models that do not come with zuoci. @param {ModelInfo[]} models */
export const ownModels = (models) => models.filter(({ base }) => !base);

/**
 * The model that is chosen while nobody has chosen one: the newest of the user's own, else the base model of a language.
 * @param {ModelInfo[]} models
 * @param {Language} language
 * @returns {string} its id; "" if there is no model
 */
export function firstChoice(models, language) {
  const [newest] = ownModels(models).toSorted((a, b) => b.created - a.created);
  const [base] = models.toSorted((a, b) => Number(b.id.startsWith(language)) - Number(a.id.startsWith(language)));
  return (newest ?? base)?.id ?? "";
}

/**
 * The ids of all models with the names that the page shows, base models last.
 * @param {ModelInfo[]} models
 * @param {Phrases} t
 * @returns {[id: string, name: string][]}
 */
export function choices(models, t) {
  return models.toSorted((a, b) => Number(a.base) - Number(b.base)).map(({ id, base }) => [id, base ? t.baseName(id) : id]);
}
