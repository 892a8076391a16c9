import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** The console's look: its custom properties reach into the shadow root, so that dark and light are the page's. */
export const consoleTheme = [
  EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "var(--text-small)" },
    "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "1px" },
    ".cm-scroller": { fontFamily: "var(--font-code)", lineHeight: "1.55", maxHeight: "var(--text-height, 70vh)" },
    ".cm-content, .cm-gutter": { minHeight: "var(--text-min-height, 0)" },
    ".cm-content": { caretColor: "var(--ink)", padding: "var(--s2) 0" },
    ".cm-line": { padding: "0 var(--s3) 0 var(--s1)" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
      backgroundColor: "light-dark(#c9d0f5, #3a4473)",
    },
    ".cm-activeLine": { backgroundColor: "transparent" },
    "&.cm-focused .cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 60%, transparent)" },
    ".cm-gutters": {
      backgroundColor: "var(--sunken)",
      color: "var(--ink-soft)",
      borderRight: "1px solid var(--line)",
    },
    ".cm-activeLineGutter": { backgroundColor: "transparent" },
    ".cm-lineNumbers .cm-gutterElement": { padding: "0 var(--s2)", minWidth: "2.25rem", cursor: "pointer" },
    ".cm-lineNumbers .cm-gutterElement:hover": { color: "var(--accent)", textDecoration: "underline" },
    ".cm-foldPlaceholder": {
      backgroundColor: "var(--accent-soft)",
      border: "1px solid var(--line)",
      color: "var(--accent)",
      padding: "0 var(--s1)",
    },
    ".cm-chosenLine": { backgroundColor: "var(--warn-soft)", boxShadow: "inset 3px 0 var(--warn-solid)" },
    ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", fontFamily: "var(--font)" },
    ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
    ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
    ".cm-panel.cm-search": { padding: "var(--s2) 2rem var(--s2) var(--s2)", fontSize: "var(--text-small)" },
    ".cm-panel.cm-search label": { fontSize: "var(--text-small)", whiteSpace: "nowrap" },
    ".cm-panel.cm-search [name=close]": { fontSize: "1.25rem", padding: "0 var(--s2)", color: "var(--ink-soft)" },
    ".cm-textfield": {
      backgroundColor: "var(--surface)",
      color: "var(--ink)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--radius)",
      padding: "var(--s1) var(--s2)",
      fontSize: "var(--text-small)",
    },
    ".cm-button": {
      backgroundImage: "none",
      backgroundColor: "var(--surface)",
      color: "var(--ink)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--radius)",
      fontSize: "var(--text-small)",
    },
    ".cm-textfield:focus-visible, .cm-button:focus-visible, [name=close]:focus-visible, input:focus-visible": {
      outline: "2px solid var(--focus)",
    },
    ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn-solid)" },
    ".cm-searchMatch-selected": { backgroundColor: "light-dark(#f5c86b, #7a5a14)" },
    ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
    "&.cm-focused .cm-matchingBracket": {
      backgroundColor: "var(--accent-soft)",
      outline: "1px solid var(--line-strong)",
    },
    ".cm-tooltip": {
      backgroundColor: "var(--raised)",
      color: "var(--ink)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--radius)",
    },
    ".cm-diagnostic": { fontFamily: "var(--font)", padding: "var(--s1) var(--s2)" },
    ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad-solid)" },
    ".cm-lintRange-error": {
      backgroundImage: "none",
      textDecoration: "underline wavy var(--bad-solid)",
      backgroundColor: "var(--bad-soft)",
    },
    ".cm-lint-marker-error": { content: '"✕"', color: "var(--bad)", fontWeight: "700", width: "1em", height: "1em" },
    ".cm-changedLine": { backgroundColor: "var(--good-soft) !important" },
    "&.cm-merge-a .cm-changedLine": { backgroundColor: "var(--bad-soft) !important" },
    ".cm-deletedChunk": { backgroundColor: "var(--bad-soft)", padding: "0 0 0 var(--s1)" },
    ".cm-deletedLine": { textDecoration: "none" },
    ".cm-changedText": { background: "light-dark(#b4e3c9, #1b4633) !important" },
    "&.cm-merge-a .cm-changedText, .cm-deletedText, .cm-deletedChunk .cm-deletedText": {
      background: "light-dark(#fad9d5, #6a2f2b) !important",
      textDecoration: "none",
    },
    ".cm-changeGutter": { width: "1.1em", paddingLeft: "0", textAlign: "center", fontFamily: "var(--font-code)" },
    "&.cm-merge-b .cm-changedLineGutter, .cm-changedLineGutter": {
      background: "var(--good-soft) !important",
      color: "var(--good)",
    },
    ".cm-changedLineGutter::before": { content: '"+"' },
    "&.cm-merge-a .cm-changedLineGutter": { background: "var(--bad-soft) !important", color: "var(--bad)" },
    "&.cm-merge-a .cm-changedLineGutter::before": { content: '"−"' },
    ".cm-deletedLineGutter": { background: "var(--bad-soft) !important", color: "var(--bad)" },
    ".cm-deletedLineGutter::before": { content: '"−"' },
    ".cm-collapsedLines::before, .cm-collapsedLines::after": { content: '"⋯"' },
    ".cm-collapsedLines": {
      background: "var(--sunken)",
      color: "var(--accent)",
      fontFamily: "var(--font)",
      padding: "var(--s1) var(--s3)",
    },
  }),
  syntaxHighlighting(
    HighlightStyle.define([
      { tag: tags.propertyName, color: "var(--accent)" },
      { tag: tags.string, color: "var(--good)" },
      { tag: tags.number, color: "var(--info)" },
      { tag: [tags.bool, tags.null], color: "var(--warn)" },
      { tag: [tags.brace, tags.squareBracket, tags.separator], color: "var(--ink-soft)" },
    ]),
  ),
];

/** Of a comparison in two columns, whose editors share one scroller. */
export const mergeStyle = EditorView.theme({ ".cm-scroller": { maxHeight: "none" } });
