import { getChunks, goToNextChunk, goToPreviousChunk, MergeView, unifiedMergeView } from "@codemirror/merge";
import { openSearchPanel } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { DifferenceHandle, DifferenceOptions } from "../text-handle.js";
import { jsonExtensions, readOnly, showLine } from "./setup.js";
import { mergeStyle } from "./theme.js";

/** Lines that stay around a change when only changes are shown, and from how many on others are left out. */
const COLLAPSE = { margin: 3, minSize: 6 };

/** What the comparison may cost: above it changes are marked less finely. */
const DIFF = { scanLimit: 2_000, timeout: 250 };

/** Opens the difference of two texts, in one column or in two. */
export function openDifference(root: ShadowRoot, options: DifferenceOptions): DifferenceHandle {
  return options.mode === "split" ? openSplit(root, options) : openUnified(root, options);
}

function openUnified(root: ShadowRoot, { before, after, label, onlyChanges, line, onLine }: DifferenceOptions) {
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: after,
      extensions: [
        jsonExtensions(onLine),
        readOnly(label),
        EditorView.lineWrapping,
        unifiedMergeView({
          original: before,
          mergeControls: false,
          highlightChanges: true,
          gutter: true,
          syntaxHighlightDeletions: true,
          diffConfig: DIFF,
          ...(onlyChanges && { collapseUnchanged: COLLAPSE }),
        }),
      ],
    }),
  });
  return handleOf(view, () => view.destroy(), line);
}

function openSplit(root: ShadowRoot, options: DifferenceOptions): DifferenceHandle {
  const { before, after, label, beforeLabel, afterLabel, onlyChanges, line, onLine } = options;
  const side = (text: string, name: string, onNumber?: (line: number) => void) => ({
    doc: text,
    extensions: [jsonExtensions(onNumber), readOnly(`${label}: ${name}`), EditorView.lineWrapping, mergeStyle],
  });
  const box = document.createElement("div");
  box.className = "split";
  root.append(box);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    ".split { max-height: var(--text-height, 70vh); overflow: auto; } .cm-mergeView { height: auto; min-width: 40rem; }",
  );
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const merge = new MergeView({
    root,
    parent: box,
    a: side(before, beforeLabel),
    b: side(after, afterLabel, onLine),
    gutter: true,
    diffConfig: DIFF,
    ...(onlyChanges && { collapseUnchanged: COLLAPSE }),
  });
  return handleOf(
    merge.b,
    () => {
      merge.destroy();
      box.remove();
    },
    line,
  );
}

function handleOf(view: EditorView, destroy: () => void, line: number | undefined): DifferenceHandle {
  const goToLine = (wanted: number) => showLine(view, wanted);
  if (line !== undefined) requestAnimationFrame(() => goToLine(line));
  return {
    goToLine,
    search: () => {
      view.focus();
      openSearchPanel(view);
    },
    next: () => goToNextChunk(view),
    previous: () => goToPreviousChunk(view),
    changes: getChunks(view.state)?.chunks.length ?? 0,
    destroy,
  };
}
