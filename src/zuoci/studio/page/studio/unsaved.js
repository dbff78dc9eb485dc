// Text that the server has not acknowledged, and the history for undo, in the browser's storage. Each tab keeps its own
// text, so that none takes another's away; a tab that is opened later finds what a closed one has left.

import { readStorage, writeStorage } from "../shared/dom.js";

/** @import {Unsaved} from "./song-types.js" */

const UNSAVED = "zuoci unsaved";
const PAST = "zuoci past";
const MAX_PAST = 400_000; // characters of a history
const MAX_PASTS = 5; // songs

const tab = Math.random().toString(36).slice(2);

/** @param {string} id @param {Unsaved | null} unsaved null: everything is saved @returns {boolean} whether it was kept */
export function keepUnsaved(id, unsaved) {
  return writeStorage(`${UNSAVED} ${tab} ${id}`, unsaved);
}

/** Takes what all tabs have left unsaved of a song out of the storage. @param {string} id @returns {Unsaved[]} */
export function takeUnsaved(id) {
  const keys = keysOf((key) => key.startsWith(`${UNSAVED} `) && key.split(" ").slice(3).join(" ") === id);
  const left = keys.map((key) => /** @type {Unsaved} */ (readStorage(key)));
  for (const key of keys) writeStorage(key, null);
  return left.filter(({ content, base, sent }) => Array.isArray(content?.lines) && Array.isArray(base?.lines) && Array.isArray(sent));
}

/** The songs of which something is unsaved. */
export function unsavedSongs() {
  return keysOf((key) => key.startsWith(`${UNSAVED} `)).map((key) => key.split(" ").slice(3).join(" "));
}

/** @param {string} id @param {object} past */
export function keepPast(id, past) {
  const others = keysOf((key) => key.startsWith(`${PAST} `) && key !== `${PAST} ${id}`);
  for (const key of others.slice(MAX_PASTS - 1)) writeStorage(key, null);
  const fits = JSON.stringify(past).length <= MAX_PAST;
  writeStorage(`${PAST} ${id}`, fits ? past : null);
}

/** @param {string} id */
export const readPast = (id) => readStorage(`${PAST} ${id}`);

/** @param {(key: string) => boolean} test */
function keysOf(test) {
  try {
    return Object.keys(localStorage).filter(test);
  } catch {
    return [];
  }
}
