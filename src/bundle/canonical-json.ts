import { servedText, stringEnd } from "./served-text.js";

/** A parsed JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A parsed JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The canonical form of a JSON text: what Python's `json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))` prints.
 *
 * Keys sorted by Unicode code point; ASCII only; numbers by the kind of their literal, as the bundle format requires
 * (docs/bundle-format.md). The text is not parsed into values, because a parsed number has no kind.
 *
 * @param text accepted by {@link scanStrictJson}: this recurses, so its depth must be bounded
 */
export function canonicalText(text: string): string {
  const sorted = sortKeys(servedText(text));
  // JSON.stringify and Python agree on what they escape of ASCII, but for DEL.
  return sorted.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * The text with the keys of every object sorted by Unicode code point, which is the order of their UTF-8 bytes.
 *
 * @param text without white space, accepted by {@link scanStrictJson}: this recurses
 */
export function sortKeys(text: string): string {
  return new KeySorter(text).value() ?? text;
}

/**
 * The canonical form of a value: {@link canonicalText} of what JSON.stringify prints for it.
 *
 * @throws TypeError for values that JSON cannot represent: undefined, NaN, infinities, functions, bigint.
 */
export function canonicalJson(value: JsonValue): string {
  return canonicalText(JSON.stringify(value, refuseNonJson));
}

function refuseNonJson(_key: string, value: unknown): unknown {
  if (value === undefined || typeof value === "function" || (typeof value === "number" && !Number.isFinite(value))) {
    throw new TypeError(`not a JSON value: ${String(value)}`);
  }
  return value;
}

interface Member {
  readonly key: string;
  /** The key with its quotes, the colon, and the sorted value. */
  readonly text: string;
}

/** Sorts the keys of a text without white space. Copies only objects that are not sorted yet. */
class KeySorter {
  private pos = 0;

  private readonly compare: (a: string, b: string) => number;

  constructor(private readonly text: string) {
    this.compare = /[\ud800-\udfff]/.test(text) ? compareCodePoints : compareUnits;
  }

  /** Skips the value at `pos`; returns its sorted text, or undefined if it is sorted already. */
  value(): string | undefined {
    const code = this.text.charCodeAt(this.pos);
    if (code === OPEN_OBJECT) return this.object();
    if (code === OPEN_ARRAY) return this.array();
    if (code === QUOTE) this.pos = stringEnd(this.text, this.pos);
    else this.skipWord();
    return undefined;
  }

  private array(): string | undefined {
    const pieces: string[] = [];
    let copied = this.pos++;
    while (this.text.charCodeAt(this.pos) !== CLOSE_ARRAY) {
      const start = this.pos;
      const sorted = this.value();
      if (sorted !== undefined) {
        pieces.push(this.text.slice(copied, start), sorted);
        copied = this.pos;
      }
      this.skipComma();
    }
    this.pos++;
    if (pieces.length === 0) return undefined;
    pieces.push(this.text.slice(copied, this.pos));
    return pieces.join("");
  }

  private object(): string | undefined {
    const members: Member[] = [];
    let isSorted = true;
    this.pos++;
    while (this.text.charCodeAt(this.pos) !== CLOSE_OBJECT) {
      const end = stringEnd(this.text, this.pos);
      const literal = this.text.slice(this.pos, end);
      const key = literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
      const start = this.pos;
      this.pos = end + 1;
      const sorted = this.value();
      const before = members.at(-1);
      if (sorted !== undefined || (before !== undefined && this.compare(before.key, key) > 0)) isSorted = false;
      members.push({ key, text: sorted === undefined ? this.text.slice(start, this.pos) : `${literal}:${sorted}` });
      this.skipComma();
    }
    this.pos++;
    if (isSorted) return undefined;
    members.sort((a, b) => this.compare(a.key, b.key));
    return `{${members.map(({ text }) => text).join(",")}}`;
  }

  private skipComma(): void {
    if (this.text.charCodeAt(this.pos) === COMMA) this.pos++;
  }

  /** Past a number, true, false or null. */
  private skipWord(): void {
    let code = this.text.charCodeAt(++this.pos);
    while (code !== COMMA && code !== CLOSE_ARRAY && code !== CLOSE_OBJECT && this.pos < this.text.length) {
      code = this.text.charCodeAt(++this.pos);
    }
  }
}

function compareUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** JavaScript compares UTF-16 units, which differs only between surrogates and U+E000 to U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  // Within a pair, the second halves order as the pairs do: strict JSON has no lone ones.
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}
