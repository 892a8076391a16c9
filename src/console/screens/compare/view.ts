/** How a difference is shown. */
export type View = "unified" | "split" | "changes" | "metadata";

/** All views with their names, the first one by default. */
export const VIEWS: readonly (readonly [View, string])[] = [
  ["unified", "Text"],
  ["split", "Side by side"],
  ["changes", "By path"],
  ["metadata", "Metadata"],
];

/** The view of a URL; the text for what is none. */
export function parseView(text: string | undefined): View {
  return VIEWS.find(([view]) => view === text)?.[0] ?? "unified";
}
