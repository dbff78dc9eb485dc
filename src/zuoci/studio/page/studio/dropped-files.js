// What a person drops or chooses: single files, and folders with all that is in them.

/** @import {FoundFile} from "./types.js" */

/**
 * The files of a drop, folders walked through. To be called within the event: later, the browser forgets the drop.
 * @param {DataTransfer} transfer
 * @returns {Promise<FoundFile[]>}
 */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry());
  if (entries.some((entry) => entry?.isDirectory)) {
    const found = await Promise.all(entries.map((entry) => (entry ? filesBelow(entry, false) : [])));
    return found.flat();
  }
  return [...transfer.files].map((file) => ({ file, name: file.name, inFolder: false }));
}

/** The files of a field, which may be one for folders. @param {FileList | null} files @returns {FoundFile[]} */
export function chosenFiles(files) {
  return [...(files ?? [])].map((file) => ({
    file,
    name: file.webkitRelativePath || file.name,
    inFolder: file.webkitRelativePath !== "",
  }));
}

/**
 * @param {FileSystemEntry} entry
 * @param {boolean} inFolder
 * @returns {Promise<FoundFile[]>}
 */
async function filesBelow(entry, inFolder) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return [{ file, name: entry.fullPath.replace(/^\//, ""), inFolder }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FoundFile[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at most
    if (!some.length) return found;
    for (const one of some) found.push(...(await filesBelow(one, true)));
  }
}

/**
 * Parts the files of folders that can be lyrics from the others, by their names, as the command line does. A file that
 * was chosen by itself is always taken: what it holds is what counts.
 * @param {FoundFile[]} files
 * @param {string[]} suffixes of texts, lower case, with dots
 * @returns {{texts: FoundFile[], others: FoundFile[]}} sorted by name; hidden files are in neither
 */
export function partTexts(files, suffixes) {
  const seen = files.filter(({ name, inFolder }) => !(inFolder && name.split("/").some((part) => part.startsWith("."))));
  const sorted = seen.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  /** @param {FoundFile} found */
  const isText = ({ name, inFolder }) =>
    !inFolder || suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));
  return { texts: sorted.filter(isText), others: sorted.filter((found) => !isText(found)) };
}

/** The body of a request with many files: a line that says what comes, and then their contents. @param {FoundFile[]} files */
export function uploadOf(files) {
  const head = files.map(({ file, name }) => ({ name, bytes: file.size }));
  return new Blob([JSON.stringify(head), "\n", ...files.map(({ file }) => file)]);
}

/** What to call a corpus of some files: by their folder, or by the first file. @param {FoundFile[]} files */
export function corpusName(files) {
  const [first] = files;
  const folder = first.name.split("/")[0];
  const together = first.inFolder && files.every(({ name }) => name.startsWith(`${folder}/`));
  return (together ? folder : (first.name.split("/").at(-1) ?? "").replace(/\.\w+$/u, "")).slice(0, 100);
}
