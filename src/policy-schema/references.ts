/** The keywords whose text names another schema. */
const REFERENCES = ["$ref", "$dynamicRef"];

/**
 * The path of the reference that could not be followed: the first that is written so, or whose end is. Empty if it is found nowhere.
 *
 * @param missing the reference as it was resolved, so with the `$id` around it in front
 */
export function findReference(schema: object, missing: string): readonly string[] {
  const isMissing = (reference: string) => reference === missing || (reference !== "" && missing.endsWith(reference));
  return findMember(schema, (key, value) => typeof value === "string" && REFERENCES.includes(key) && isMissing(value));
}

/** The path of the first pattern that is no regular expression. Empty if it is found nowhere. */
export function findBrokenPattern(schema: object): readonly string[] {
  const isBroken = (pattern: unknown) => typeof pattern === "string" && !isRegExp(pattern);
  const keysOf = (value: unknown) => (typeof value === "object" && value !== null ? Object.keys(value) : []);
  return findMember(schema, (key, value) => {
    if (key === "pattern") return isBroken(value);
    return key === "patternProperties" && keysOf(value).some(isBroken);
  });
}

/** Breadth first, so that the shortest path is found. */
function findMember(schema: object, isFound: (key: string, value: unknown) => boolean): readonly string[] {
  const open: { readonly value: object; readonly path: readonly string[] }[] = [{ value: schema, path: [] }];
  for (const next of open) {
    for (const [key, value] of Object.entries(next.value) as [string, unknown][]) {
      const path = [...next.path, key];
      if (isFound(key, value)) return path;
      if (typeof value === "object" && value !== null) open.push({ value, path });
    }
  }
  return [];
}

function isRegExp(pattern: string): boolean {
  try {
    return new RegExp(pattern, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
