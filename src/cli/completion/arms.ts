import type { Place, Values } from "./grammar.js";

/** How a shell writes the branches of its case statement. */
export interface Dialect {
  /** One branch for any of these texts. */
  readonly arm: (patterns: readonly string[], body: readonly string[]) => string;
  /** The statements of a place. */
  readonly place: (place: Place) => readonly string[];
  /** The statements of values. */
  readonly values: (values: Values) => readonly string[];
}

/** The branches by the words of a command. */
export function caseArms(places: readonly Place[], { arm, place }: Dialect): string {
  return places.map((it) => arm([it.path], place(it))).join("\n");
}

/**
 * The branches by `<words>|<option>`, the option empty for an argument: one for each kind of values that is completed. A value that
 * nothing is known about has none.
 */
export function valueArms(places: readonly Place[], { arm, values }: Dialect): string {
  const patterns = new Map<string, string[]>();
  const bodies = new Map<string, readonly string[]>();
  const add = (path: string, option: string, value: Values) => {
    if (value.kind === "none") return;
    const key = JSON.stringify(value);
    bodies.set(key, values(value));
    patterns.set(key, [...(patterns.get(key) ?? []), `${path}|${option}`]);
  };
  for (const { path, argument, valued } of places) {
    add(path, "", argument);
    for (const { spellings, values: value } of valued) for (const spelling of spellings) add(path, spelling, value);
  }
  return [...patterns].map(([key, list]) => arm(list, bodies.get(key) ?? [])).join("\n");
}

/** A text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w.,:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
