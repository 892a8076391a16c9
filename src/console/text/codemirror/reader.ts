import { foldAll, unfoldAll } from "@codemirror/language";
import { openSearchPanel } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { jsonExtensions, readOnly, showLine, wrapLong } from "./setup.js";
import type { ReaderOptions, TextHandle } from "../text-handle.js";

/** Opens a text for reading. */
export function openReader(root: ShadowRoot, { text, label, line, onLine }: ReaderOptions): TextHandle {
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({ doc: text, extensions: [jsonExtensions(onLine), readOnly(label), wrapLong(text)] }),
  });
  const goToLine = (wanted: number) => showLine(view, wanted);
  if (line !== undefined) requestAnimationFrame(() => goToLine(line));
  return {
    goToLine,
    search: () => {
      view.focus();
      openSearchPanel(view);
    },
    foldAll: () => foldAll(view),
    unfoldAll: () => unfoldAll(view),
    destroy: () => view.destroy(),
  };
}
