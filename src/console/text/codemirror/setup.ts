import { defaultKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, codeFolding, foldGutter, foldKeymap } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { consoleTheme } from "./theme.js";

/** Texts with a longer line are wrapped: one that is scrolled sideways for ever helps nobody. */
const WRAP_FROM = 400;

/** A line that is marked, from 1; 0 for none. */
export const chooseLine = StateEffect.define<number>();

const chosenLine = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(chooseLine)) continue;
      const { doc } = transaction.state;
      if (effect.value < 1 || effect.value > doc.lines) return Decoration.none;
      return Decoration.set([Decoration.line({ class: "cm-chosenLine" }).range(doc.line(effect.value).from)]);
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** What every view of a JSON text has: numbers of lines, folding, search, highlighting. */
export function jsonExtensions(onLine?: (line: number) => void): Extension {
  return [
    lineNumbers({
      domEventHandlers: {
        click(view, { from }) {
          onLine?.(view.state.doc.lineAt(from).number);
          return true;
        },
      },
    }),
    codeFolding(),
    foldGutter({ openText: "▾", closedText: "▸" }),
    json(),
    bracketMatching(),
    search({ top: true }),
    highlightSelectionMatches({ minSelectionLength: 2 }),
    chosenLine,
    consoleTheme,
    keymap.of([...searchKeymap, ...foldKeymap, ...defaultKeymap]),
  ];
}

/** A text that cannot be changed, and still takes the focus: to scroll, select and search by keyboard. */
export function readOnly(label: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: "0", "aria-label": label, "aria-readonly": "true" }),
  ];
}

/** Wraps lines where the text has long ones. */
export function wrapLong(text: string): Extension {
  let start = 0;
  for (let end = text.indexOf("\n"); start < text.length; end = text.indexOf("\n", start)) {
    const stop = end < 0 ? text.length : end;
    if (stop - start > WRAP_FROM) return EditorView.lineWrapping;
    start = stop + 1;
  }
  return [];
}

/** Shows a line in the middle and marks it. */
export function showLine(view: EditorView, line: number): void {
  const { doc } = view.state;
  const effects: StateEffect<unknown>[] = [chooseLine.of(line)];
  if (line >= 1 && line <= doc.lines) effects.push(EditorView.scrollIntoView(doc.line(line).from, { y: "center" }));
  view.dispatch({ effects });
}
