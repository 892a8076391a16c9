import { stringEnd } from "../../bundle/served-text.js";

/** Where a value of a JSON text is: UTF-16 offsets, ends exclusive. */
export interface ValuePlace {
  /** Of the key's opening quote; of the value itself in a list. */
  readonly keyStart: number;
  /** After the key's closing quote; as `keyStart` in a list. */
  readonly keyEnd: number;
  readonly start: number;
}

/** The length of a key in errors of scanStrictJson, from which on it is cut. */
const MAX_SHOWN_KEY = 200;

/**
 * Finds a value by the keys and indexes that lead to it, as field errors have them. The text need not be whole: what stands behind the
 * value does not matter. Linear in the text.
 *
 * @param occurrence which one of several members with the last key: 1 is the first
 */
export function findValue(text: string, path: readonly string[], occurrence = 1): ValuePlace | undefined {
  let pos = skipSpace(text, 0);
  let place: ValuePlace = { keyStart: pos, keyEnd: pos, start: pos };
  for (const [depth, segment] of path.entries()) {
    const found = memberOf(text, pos, segment, depth === path.length - 1 ? occurrence : 1);
    if (found === undefined) return undefined;
    place = found;
    pos = found.start;
  }
  return place;
}

/** The segments of a JSON Pointer (RFC 6901). */
export function segmentsOf(pointer: string): readonly string[] {
  if (!pointer.startsWith("/")) return [];
  return pointer
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function memberOf(text: string, start: number, segment: string, occurrence: number): ValuePlace | undefined {
  const isObject = text.startsWith("{", start);
  if (!isObject && !text.startsWith("[", start)) return undefined;
  let left = occurrence;
  let index = 0;
  for (let pos = skipSpace(text, start + 1); pos < text.length; index++) {
    if (text.startsWith(isObject ? "}" : "]", pos)) return undefined;
    const keyStart = pos;
    let keyEnd = pos;
    let isMatch = segment === String(index);
    if (isObject) {
      if (!text.startsWith('"', pos)) return undefined;
      keyEnd = stringEnd(text, pos);
      isMatch = isShownAs(text.slice(keyStart, keyEnd), segment);
      pos = skipSpace(text, skipSpace(text, keyEnd) + 1);
    }
    if (isMatch) left -= 1;
    if (isMatch && left === 0) return { keyStart, keyEnd, start: pos };
    pos = skipSpace(text, endOfValue(text, pos));
    if (!text.startsWith(",", pos)) return undefined;
    pos = skipSpace(text, pos + 1);
  }
  return undefined;
}

/** Whether a key in quotes is the one that an error names. */
function isShownAs(quoted: string, segment: string): boolean {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    return false;
  }
  if (key === segment) return true;
  const shown = key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
  return shown.replace(/\p{Surrogate}/gu, "\ufffd") === segment;
}

/** The offset after the value that begins at `start`. */
export function endOfValue(text: string, start: number): number {
  let depth = 0;
  let pos = start;
  do {
    const unit = text.charAt(pos);
    if (unit === '"') pos = stringEnd(text, pos);
    else if (unit === "{" || unit === "[") {
      depth++;
      pos++;
    } else if (unit === "}" || unit === "]") {
      depth--;
      pos++;
    } else if (depth > 0) pos++;
    else {
      // A number or a word.
      while (pos < text.length && !/[\s,\]}]/.test(text.charAt(pos))) pos++;
      return Math.max(pos, start + 1);
    }
  } while (depth > 0 && pos < text.length);
  return pos;
}

function skipSpace(text: string, start: number): number {
  let pos = start;
  while (/[ \n\r\t]/.test(text.charAt(pos))) pos++;
  return pos;
}
