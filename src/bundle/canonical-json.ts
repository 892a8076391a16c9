export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Strings with nothing to escape, which most are. */
const PLAIN = /^[ !#-[\]-~]*$/;

/**
 * The canonical JSON of a value: what Python's `json.dumps(x, sort_keys=True, separators=(",", ":"))` prints for the document
 * that JSON.stringify serves.
 *
 * Keys by Unicode code point; ASCII only; floats as Python's repr. The rules are those of the bundle format (docs). The value is
 * one that passed {@link scanStrictJson}: it recurses, so its depth must be bounded.
 *
 * @throws TypeError for what JSON cannot say: undefined, NaN, infinities, functions, bigint.
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return canonicalString(value);
  if (typeof value === "number") return canonicalNumber(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") return canonicalObject(value as JsonObject);
  throw new TypeError(`no JSON value: ${typeof value}`);
}

/** The bytes of {@link canonicalJson}. */
export function canonicalBytes(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value));
}

function canonicalObject(value: JsonObject): string {
  const fields = sortByCodePoint(Object.keys(value)).map(
    (key) => `${canonicalString(key)}:${canonicalJson(value[key] as JsonValue)}`,
  );
  return `{${fields.join(",")}}`;
}

function canonicalString(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  // JSON.stringify and Python agree on the short escapes and on \u00xx; Python escapes DEL and all that is not ASCII, too.
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`no JSON number: ${value}`);
  const size = Math.abs(value);
  // Both print the shortest digits that read back. Python changes to an exponent below 1e-4, JavaScript below 1e-6, and only
  // Python gives it two digits. From 1e16 on Python prints an exponent for floats, but JavaScript serves these as integers up
  // to 1e21, and from there on both print `1e+21`.
  if (size === 0 || size >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

/** JavaScript sorts by UTF-16 units, which is another order only where a surrogate meets U+E000 to U+FFFF. */
function sortByCodePoint(keys: string[]): string[] {
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(compareCodePoints) : keys.sort();
}

function compareCodePoints(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  // Within a pair, the second halves order as the pairs do: strict JSON has no lone ones.
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}
