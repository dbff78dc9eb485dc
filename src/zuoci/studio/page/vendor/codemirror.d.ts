// Types for the type checker (tsconfig.json). Browsers never load this file.

export * from "@codemirror/state";
export * from "@codemirror/view";
export {
  defaultKeymap,
  history,
  historyField,
  historyKeymap,
  invertedEffects,
  isolateHistory,
  redo,
  redoDepth,
  undo,
  undoDepth,
} from "@codemirror/commands";
export { openSearchPanel, search, searchKeymap } from "@codemirror/search";
