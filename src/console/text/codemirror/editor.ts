import { history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { indentUnit } from "@codemirror/language";
import { linter, lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { openSearchPanel } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap } from "@codemirror/view";
import type { TextProblem } from "../check-json.js";
import type { EditorHandle, EditorOptions } from "../text-handle.js";
import { jsonExtensions } from "./setup.js";

/** After so long without a key the text is checked, in milliseconds. */
const CHECK_AFTER_MS = 300;

/** Opens a text for writing. Tab indents; after Esc it leaves, so that no keyboard is trapped. */
export function openEditor(root: ShadowRoot, options: EditorOptions): EditorHandle {
  const { text, label, describedBy, check, onChange } = options;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        jsonExtensions(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        indentUnit.of("  "),
        lintGutter(),
        linter((current) => check(current.state.doc.toString()).map(diagnosticOf), { delay: CHECK_AFTER_MS }),
        keymap.of([...historyKeymap, indentWithTab]),
        EditorView.lineWrapping,
        EditorView.domEventHandlers({ beforeinput: insertText }),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-description": describedBy }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    replace(next) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    mark(problems) {
      const { length } = view.state.doc;
      const fitting = problems.filter(({ to }) => to <= length);
      view.dispatch(setDiagnostics(view.state, fitting.map(diagnosticOf)));
    },
    goTo({ from }) {
      const at = Math.min(from, view.state.doc.length);
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
    search: () => {
      view.focus();
      openSearchPanel(view);
    },
    destroy: () => view.destroy(),
  };
}

/**
 * Replaces a selection and inserts lines itself: where the browser does, it makes elements with inline styles, which the page's policy
 * refuses and reports.
 */
function insertText(event: InputEvent, view: EditorView): boolean {
  const { inputType, data } = event;
  const { selection } = view.state;
  if (inputType !== "insertText" || data === null || view.composing) return false;
  if (selection.main.empty && data.length === 1) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
  return true;
}

function diagnosticOf({ from, to, message }: TextProblem): Diagnostic {
  return { from, to, message, severity: "error" };
}
