/** How a difference is shown. */
export type View = "files" | "unified" | "split" | "changes" | "metadata";

type NamedView = readonly [view: View, name: string];

const VIEWS: readonly [NamedView, ...NamedView[]] = [
  ["unified", "Text"],
  ["split", "Side by side"],
  ["changes", "By path"],
  ["metadata", "Metadata"],
];

/** The views with their names, the first one by default: by file too, where both sides have files. */
export function viewsOf(hasFiles: boolean): readonly [NamedView, ...NamedView[]] {
  return hasFiles ? [["files", "By file"], ...VIEWS] : VIEWS;
}

/** The view of a URL; the first one for what is none. */
export function parseView(text: string | undefined, views: readonly [NamedView, ...NamedView[]]): View {
  return (views.find(([view]) => view === text) ?? views[0])[0];
}
