import type { JsonValue } from "./canonical-json.js";
import { canonicalNumber, withNumbers } from "./served-text.js";

/** Marks a string that represents a number. Strict JSON cannot contain it: it is half of a surrogate pair. */
const MARK = "\\ud800";

/**
 * JSON.parse that preserves numbers: a number that JavaScript prints differently from Python (`1.0`, `1e-05`) becomes a string that
 * {@link printExactJson} turns back. Equal numbers are equal values, and `1` and `1.0` are not.
 *
 * @param text accepted by {@link scanStrictJson}
 */
export function parseExactJson(text: string): JsonValue {
  return JSON.parse(withNumbers(text, marked)) as JsonValue;
}

/** JSON.stringify for values that come from {@link parseExactJson} or contain such values. */
export function printExactJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(/"\\ud800([^"]*)"/g, "$1");
}

function marked(literal: string): string {
  const printed = canonicalNumber(literal);
  return JSON.stringify(Number(printed)) === printed ? printed : `"${MARK}${printed}"`;
}
