// Bundles CodeMirror, the studio's editor, into one file that browsers load as it is, with the licences of all packages in
// it. The result is committed, so that installing zuoci needs no Node.js: after a change of package.json, run
// `npm run build`. tests/test_javascript.py holds the committed bytes equal to those that this script makes.
//
//     node tools/bundle_editor.js [FOLDER]

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const FOLDER = process.argv[2] ?? join(ROOT, "src", "zuoci", "studio", "page", "vendor");
const EXPORTS = `
  export * from "@codemirror/state";
  export * from "@codemirror/view";
  export { defaultKeymap, history, historyField, historyKeymap, invertedEffects, isolateHistory, redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
  export { openSearchPanel, search, searchKeymap } from "@codemirror/search";
`;

// The studio's content security policy allows no <style> elements. style-mod can use constructed style sheets, which it
// keeps for shadow roots; here documents get them, too.
const FOR_SHADOW_ROOTS = "!root.head && root.adoptedStyleSheets";
const constructedStyleSheets = {
  name: "constructed-style-sheets",
  setup(bundle) {
    bundle.onLoad({ filter: /style-mod\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf-8");
      if (source.split(FOR_SHADOW_ROOTS).length !== 2) throw new Error(`${path} has changed: look at its StyleSet`);
      return { contents: source.replace(FOR_SHADOW_ROOTS, "root.adoptedStyleSheets"), loader: "js" };
    });
  },
};

/** The packages in a bundle, by what esbuild says of its inputs. */
function packagesOf({ inputs }) {
  const names = Object.keys(inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter(Boolean))].sort();
}

async function licences(names) {
  const parts = names.map(async (name) => {
    const folder = join(ROOT, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf-8"));
    const changed = name === "style-mod" ? " (changed by zuoci: documents get constructed style sheets)" : "";
    return `${name} ${version}${changed}\n\n${(await readFile(join(folder, "LICENSE"), "utf-8")).trim()}\n`;
  });
  return `codemirror.js holds these packages:\n\n${(await Promise.all(parts)).join(`\n${"-".repeat(80)}\n\n`)}`;
}

const { outputFiles, metafile } = await build({
  stdin: { contents: EXPORTS, resolveDir: ROOT },
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// CodeMirror 6, bundled by tools/bundle_editor.js. Licences: LICENSE-codemirror.txt" },
  metafile: true,
  write: false,
  plugins: [constructedStyleSheets],
});
await mkdir(FOLDER, { recursive: true });
await writeFile(join(FOLDER, "codemirror.js"), outputFiles[0].contents);
await writeFile(join(FOLDER, "LICENSE-codemirror.txt"), await licences(packagesOf(metafile)));
