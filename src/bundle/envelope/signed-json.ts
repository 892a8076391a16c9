import { AppError } from "../../core/error.js";
import { withNumbers } from "../served-text.js";
import { scanStrictJson } from "../strict-json.js";
import { VerificationError } from "../verification-error.js";

/** The nesting of signed payloads. */
const MAX_DEPTH = 8;

/**
 * Parses the payload of an envelope, after its signature was verified: UTF-8, a JSON object without duplicate keys, integers only.
 *
 * @param name how messages call the object
 * @throws VerificationError `malformed`
 */
export function parseSignedObject(payload: Uint8Array, name: string): SignedObject {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    if (scanStrictJson(text, { maxDepth: MAX_DEPTH, base: [name] }).kind !== "object") throw notOf(name, "an object");
    withNumbers(text, (literal) => {
      if (!/^-?\d+$/.test(literal)) throw notOf(name, "without fractions and exponents");
      return literal;
    });
    return new SignedObject(JSON.parse(text) as Record<string, unknown>, name);
  } catch (thrown) {
    if (thrown instanceof VerificationError) throw thrown;
    if (!(thrown instanceof AppError || thrown instanceof TypeError)) throw thrown;
    throw new VerificationError("malformed", `${name} is not strict JSON in UTF-8`, { cause: thrown });
  }
}

/** An object of a signed payload: typed access to its fields. Unknown fields are ignored. Throws VerificationError `malformed`. */
export class SignedObject {
  constructor(
    private readonly fields: Readonly<Record<string, unknown>>,
    private readonly name: string,
  ) {}

  /** A text of at most `maxLength` characters (code points), without control characters but line breaks and tabs. */
  text(field: string, maxLength: number): string {
    const value = this.#own(field);
    if (typeof value !== "string" || !isText(value, maxLength)) {
      throw notOf(`${this.name}.${field}`, `a text of at most ${maxLength} characters`);
    }
    return value;
  }

  /** As text; null for null and for a missing field. */
  optionalText(field: string, maxLength: number): string | null {
    return this.#isAbsent(field) ? null : this.text(field, maxLength);
  }

  /** A text that matches a pattern. */
  matching(field: string, pattern: RegExp): string {
    const value = this.#own(field);
    if (typeof value !== "string" || !pattern.test(value)) throw notOf(`${this.name}.${field}`, String(pattern));
    return value;
  }

  /** An integer from `min` to 2^53 - 1. */
  integer(field: string, min = 0): number {
    const value = this.#own(field);
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw notOf(`${this.name}.${field}`, `an integer from ${min}`);
    }
    return value as number;
  }

  /** As integer; null for null and for a missing field. */
  optionalInteger(field: string, min = 0): number | null {
    return this.#isAbsent(field) ? null : this.integer(field, min);
  }

  /** A boolean. */
  flag(field: string): boolean {
    const value = this.#own(field);
    if (typeof value !== "boolean") throw notOf(`${this.name}.${field}`, "true or false");
    return value;
  }

  /** An object. */
  object(field: string): SignedObject {
    return objectOf(this.#own(field), `${this.name}.${field}`);
  }

  /** As object; null for null and for a missing field. */
  optionalObject(field: string): SignedObject | null {
    return this.#isAbsent(field) ? null : this.object(field);
  }

  /** A list of at most `maxItems` objects. */
  objects(field: string, maxItems: number): readonly SignedObject[] {
    const value = this.#own(field);
    if (!Array.isArray(value) || value.length > maxItems) {
      throw notOf(`${this.name}.${field}`, `a list of at most ${maxItems}`);
    }
    return value.map((item, index) => objectOf(item, `${this.name}.${field}.${index}`));
  }

  /** An object of at most `maxItems` texts by key; the lengths are in characters. */
  texts(field: string, maxItems: number, maxKeyLength: number, maxLength: number): Readonly<Record<string, string>> {
    const { fields, name } = this.object(field);
    const entries = Object.entries(fields);
    const isGood = entries.every(
      ([key, value]) =>
        isText(key, maxKeyLength) && key !== "" && typeof value === "string" && isText(value, maxLength),
    );
    if (!isGood || entries.length > maxItems) throw notOf(name, `at most ${maxItems} short texts`);
    return fields as Record<string, string>;
  }

  /** An object of at most `maxItems` objects by key; each key matches a pattern. */
  objectsByKey(field: string, maxItems: number, pattern: RegExp): ReadonlyMap<string, SignedObject> {
    const { fields, name } = this.object(field);
    const entries = Object.entries(fields);
    if (entries.length > maxItems || !entries.every(([key]) => pattern.test(key))) {
      throw notOf(name, `at most ${maxItems} objects by keys like ${String(pattern)}`);
    }
    return new Map(entries.map(([key, value]) => [key, objectOf(value, `${name}.${key}`)]));
  }

  /** A list of at most `maxItems` texts that match a pattern. */
  matchingList(field: string, maxItems: number, pattern: RegExp): readonly string[] {
    const value = this.#own(field);
    const isGood = (item: unknown) => typeof item === "string" && pattern.test(item);
    if (!Array.isArray(value) || value.length > maxItems || !value.every(isGood)) {
      throw notOf(`${this.name}.${field}`, `a list of at most ${maxItems} texts like ${String(pattern)}`);
    }
    return value as string[];
  }

  /** Whether a field is there and not null. */
  has(field: string): boolean {
    return !this.#isAbsent(field);
  }

  #own(field: string): unknown {
    return Object.hasOwn(this.fields, field) ? this.fields[field] : undefined;
  }

  #isAbsent(field: string): boolean {
    return this.#own(field) === undefined || this.#own(field) === null;
  }
}

function objectOf(value: unknown, name: string): SignedObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw notOf(name, "an object");
  return new SignedObject(value as Record<string, unknown>, name);
}

/** As the rules of texts in requests (rules/check-value.ts). */
function isText(value: string, maxLength: number): boolean {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value)) return false;
  return value.length <= maxLength || [...value.slice(0, 2 * maxLength + 1)].length <= maxLength;
}

function notOf(name: string, wanted: string): VerificationError {
  return new VerificationError("malformed", `${name} must be ${wanted}`);
}
