/** How bad a finding is: nothing to do, to do soon, to do now. */
export type FindingLevel = "ok" | "warning" | "error";

/** What one check of a diagnosis found. */
export interface Finding {
  /** Stable, lower case with hyphens, for example `disk-space`: docs/troubleshooting.md lists them. */
  readonly id: string;
  readonly level: FindingLevel;
  /** One sentence for a person. No secret, and nothing of policies. */
  readonly summary: string;
  /** What to do; null for `ok`. */
  readonly remedy: string | null;
}

/** A finding that needs nothing. */
export function fine(id: string, summary: string): Finding {
  return { id, level: "ok", summary, remedy: null };
}

/** A finding to act on soon. */
export function warning(id: string, summary: string, remedy: string): Finding {
  return { id, level: "warning", summary, remedy };
}

/** A finding to act on now. */
export function problem(id: string, summary: string, remedy: string): Finding {
  return { id, level: "error", summary, remedy };
}
