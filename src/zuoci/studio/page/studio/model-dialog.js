// The dialog that renames or deletes a model.

import { buttonById, byId, inputById } from "../shared/dom.js";
import { modelPath, post, remove } from "./api.js";

/** @import {Message, Studio} from "./types.js" */

export class ModelDialog {
  /**
   * @param {Studio} studio
   * @param {(work: () => Promise<Message>) => Promise<boolean>} change does the work, and says what came of it
   */
  constructor(studio, change) {
    this.studio = studio;
    this.change = change;
    this.id = "";
    this.renames = false;
    this.dialog = byId("model-dialog", HTMLDialogElement);
    this.name = inputById("model-name");
    byId("model-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#confirm();
    });
    byId("model-cancel").addEventListener("click", () => this.dialog.close());
  }

  /** @param {string} id */
  rename(id) {
    this.#open(id, true);
    this.name.value = id;
    this.name.select();
  }

  /** @param {string} id */
  delete(id) {
    this.#open(id, false);
    byId("model-cancel").focus();
  }

  /** @param {string} id @param {boolean} renames */
  #open(id, renames) {
    const t = this.studio.phrases();
    this.id = id;
    this.renames = renames;
    byId("model-dialog-title").textContent = renames ? t.renameModelTitle(id) : t.deleteModelTitle(id);
    byId("model-warning").hidden = renames;
    byId("model-name-field").hidden = !renames;
    this.name.disabled = !renames; // else an empty one keeps the form from being sent
    buttonById("model-confirm").textContent = renames ? t.renameModel : t.deleteModel;
    this.dialog.showModal();
  }

  async #confirm() {
    const { id, renames } = this;
    const name = this.name.value.trim();
    this.dialog.close();
    if (renames && name === id) return;
    await this.change(async () => {
      if (!renames) {
        await remove(modelPath(id));
        return (t) => t.deletedModel(id);
      }
      await post(`${modelPath(id)}/rename`, { name });
      if (this.studio.model === id) this.studio.model = name;
      return (t) => t.renamedModel(id, name);
    });
    byId("import-model").focus(); // the card is another one now, or gone
  }
}
