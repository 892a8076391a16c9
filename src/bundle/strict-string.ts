/** The result of {@link scanString}. */
export interface StringScan {
  /** The offset after the closing quote, or of the flaw if `broken`. */
  readonly end: number;
  /** Why it is not a JSON string. */
  readonly broken: string | undefined;
  /** Whether it has a backslash. */
  readonly escaped: boolean;
  /** Whether a surrogate, raw or escaped, lacks its other half. */
  readonly lone: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** The characters that may follow a backslash, except `u`. */
const SHORT_ESCAPES = '"\\/bfnrt';

/**
 * Scans the string literal whose opening quote is at `start` (RFC 8259, section 7).
 *
 * The halves of a surrogate pair may be raw or escaped independently: the decoded string counts.
 */
export function scanString(text: string, start: number): StringScan {
  let escaped = false;
  let lone = false;
  let high = false;
  let pos = start + 1;
  for (;;) {
    let unit = text.charCodeAt(pos);
    if (unit === QUOTE) return { end: pos + 1, broken: undefined, escaped, lone: lone || high };
    if (unit === BACKSLASH) {
      escaped = true;
      const length = escapeLength(text, pos);
      if (length === 0) return { end: pos, broken: "a broken escape", escaped, lone };
      // Only \u can be a surrogate; the other escapes count as a space.
      unit = length === 6 ? parseInt(text.slice(pos + 2, pos + 6), 16) : 0x20;
      pos += length;
    } else {
      // Also false for NaN, after the last character.
      if (!(unit >= 0x20))
        return { end: pos, broken: "a string that does not end or has a control character", escaped, lone };
      pos++;
    }
    if (high || (unit >= 0xd800 && unit <= 0xdfff)) {
      const isLow = unit >= 0xdc00 && unit <= 0xdfff;
      if (high !== isLow) lone = true;
      high = unit >= 0xd800 && unit <= 0xdbff;
    }
  }
}

/** The length of the escape at `pos`: 2 or 6, or 0 if it is invalid. */
function escapeLength(text: string, pos: number): number {
  const code = text.charCodeAt(pos + 1);
  if (code === LETTER_U) return /^[0-9a-fA-F]{4}$/.test(text.slice(pos + 2, pos + 6)) ? 6 : 0;
  return pos + 1 < text.length && SHORT_ESCAPES.includes(text.charAt(pos + 1)) ? 2 : 0;
}
