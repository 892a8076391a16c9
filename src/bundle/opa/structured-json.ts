import { sortKeys } from "../canonical-json.js";
import { withNumbers } from "../served-text.js";

/**
 * A JSON text as OPA prints it to hash a structured file (`data.json`, `.manifest`; OPA's `bundle/hash.go`): no white space, keys sorted by
 * their UTF-8 bytes, numbers as they are written, strings as Go's encoding/json prints them without escaping HTML: raw UTF-8, `\b \f \n
 * \r \t \" \\` short, other controls `\u00xx`, and U+2028 and U+2029 escaped. A file in this form has the SHA-256 of its bytes as hash.
 *
 * It differs from the canonical JSON of a bundle's content, which is ASCII.
 *
 * @param text accepted by scanStrictJson: this recurses, so its depth must be bounded
 */
export function structuredText(text: string): string {
  // JSON.stringify, which prints the strings here, and Go differ in these two characters alone; outside of strings JSON has neither.
  return sortKeys(withNumbers(text, verbatim)).replace(/[\u2028\u2029]/g, escaped);
}

function verbatim(literal: string): string {
  return literal;
}

function escaped(separator: string): string {
  return `\\u${separator.charCodeAt(0).toString(16)}`;
}
