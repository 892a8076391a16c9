import { AppError } from "../../core/error.js";
import { withNumbers } from "../served-text.js";
import { scanStrictJson } from "../strict-json.js";
import type { RootPlace } from "./opa-paths.js";

/** An object of `data`; its keys are never `__proto__`, which scanStrictJson and opaPathProblem refuse. */
type DataObject = { [key: string]: unknown };

/** What the files of a bundle make of OPA's `data`, put together as OPA does (`insertValue` and `validateAndInjectDefaults`). */
export class OpaData {
  readonly #root: DataObject = {};

  /** @param roots the paths that the bundle owns */
  constructor(private readonly roots: RootPlace) {}

  /**
   * Puts the value of a data file at the path of its folder. Returns why not: the value of the topmost folder is no object, it has a path
   * outside of the roots, or another file has the same path already.
   */
  insert(folder: readonly string[], value: unknown): string | null {
    if (folder.length === 0 && !isObject(value)) return "must be an object at the top of the bundle";
    const whole = folder.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as DataObject;
    const outside = outsideOf(this.roots, [], whole);
    if (outside !== null) return `has data.${shown(outside)}, which is outside of the roots`;
    const twice = merge(this.#root, whole);
    return twice === null ? null : `has data.${shown(twice)}, which another file has too`;
  }
}

/** The first path that no root has; null when there is none. */
function outsideOf({ isRoot, below }: RootPlace, path: readonly string[], value: unknown): readonly string[] | null {
  if (isRoot) return null;
  if (!isObject(value)) return path;
  for (const [key, inner] of Object.entries(value)) {
    const next = below.get(key);
    const outside = next === undefined ? [...path, key] : outsideOf(next, [...path, key], inner);
    if (outside !== null) return outside;
  }
  return null;
}

/**
 * The value of a data file; numbers are rounded, and not to be shown. `null` in place of a problem when the text is fine.
 *
 * @param text JSON; what scanStrictJson refuses but for numbers, which OPA keeps as they are written, is a problem
 */
export function parseDataFile(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    scanStrictJson(text, { anyNumber: true, base: ["file"] });
    const tooBig = tooBigIn(text);
    if (tooBig !== null) return { problem: `has the number ${tooBig}, which OPA cannot compute with` };
    return { value: JSON.parse(text) as unknown };
  } catch (thrown) {
    if (thrown instanceof AppError) return { problem: thrown.message };
    throw thrown;
  }
}

/** Beyond about 30,000 decimal places OPA takes a number, and panics when a query reads it (`maxNumberExp`, v1/ast/term.go). */
const MAX_DECIMAL_PLACES = 10_000;

/** The first number of a JSON text that has too many decimal places, cut; null when there is none. */
function tooBigIn(text: string): string | null {
  let found: string | null = null;
  withNumbers(text, (literal) => {
    const [, exponent = "0"] = literal.split(/e/i);
    const isTooBig = literal.length > MAX_DECIMAL_PLACES || Math.abs(Number(exponent)) > MAX_DECIMAL_PLACES;
    if (isTooBig) found ??= literal.slice(0, 40);
    return literal;
  });
  return found;
}

/** Adds what `from` has to `to`. The first path that both have, unless it is an object in both; null when there is none. */
function merge(to: DataObject, from: DataObject): readonly string[] | null {
  for (const [key, value] of Object.entries(from)) {
    const kept = Object.hasOwn(to, key) ? to[key] : undefined;
    if (kept === undefined) to[key] = value;
    else {
      const twice = isObject(kept) && isObject(value) ? merge(kept, value) : [];
      if (twice !== null) return [key, ...twice];
    }
  }
  return null;
}

function isObject(value: unknown): value is DataObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(path: readonly string[]): string {
  return path.join(".").slice(0, 200);
}
