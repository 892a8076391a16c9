import type { JsonValue } from "./canonical-json.js";
import { canonicalNumber, withNumbers } from "./served-text.js";

/** Begins the string that stands for a number. No strict JSON has it in a string: it is half of a surrogate pair. */
const MARK = "\\ud800";

/**
 * JSON.parse for texts whose numbers must not change: a number that JavaScript would print otherwise than Python (`1.0`, `1e-05`) is
 * a string that only {@link printExactJson} turns back. Equal numbers are equal values, and `1` and `1.0` are not.
 *
 * @param text one that {@link scanStrictJson} takes
 */
export function parseExactJson(text: string): JsonValue {
  return JSON.parse(withNumbers(text, marked)) as JsonValue;
}

/** JSON.stringify for values that {@link parseExactJson} made, or that have such values inside of them. */
export function printExactJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(/"\\ud800([^"]*)"/g, "$1");
}

function marked(literal: string): string {
  const printed = canonicalNumber(literal);
  return JSON.stringify(Number(printed)) === printed ? printed : `"${MARK}${printed}"`;
}
