/** What versions are looked for: as ListBundles takes it. */
export interface VersionFilter {
  readonly text?: string;
  /** `key=value`. */
  readonly label?: string;
  readonly publishedBy?: string;
  readonly sourceRevision?: string;
}

/** The filter of a URL: `q`, `label`, `by`, `revision`. A label that is not `key=value` yet finds no less. */
export function filterOf(query: Readonly<Record<string, string | undefined>>): VersionFilter {
  const { q = "", label = "", by = "", revision = "" } = query;
  return {
    ...(q.trim() !== "" && { text: q.trim().slice(0, 255) }),
    ...(isLabel(label) && { label: label.trim() }),
    ...(by.trim() !== "" && { publishedBy: by.trim().slice(0, 255) }),
    ...(revision.trim() !== "" && { sourceRevision: revision.trim().slice(0, 500) }),
  };
}

/** Whether a text is a label as the server takes it. */
export function isLabel(text: string): boolean {
  return /^[^=]{1,63}=.{0,255}$/.test(text.trim());
}

/** The two versions that are chosen for a comparison, from `12,9`; later ones first dropped. */
export function picksOf(text: string | undefined): readonly number[] {
  const versions = (text ?? "").split(",").flatMap((part) => (/^[1-9]\d{0,9}$/.test(part) ? [Number(part)] : []));
  return [...new Set(versions)].slice(-2);
}

/** The choice with a version chosen or not: the oldest choice makes place for a third. */
export function withPick(picks: readonly number[], version: number, isPicked: boolean): string | undefined {
  const rest = picks.filter((pick) => pick !== version);
  const next = isPicked ? [...rest, version].slice(-2) : rest;
  return next.length === 0 ? undefined : next.join(",");
}
