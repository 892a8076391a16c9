/** Why a number is refused: the message, and the `type` of the field error. */
export interface NumberFlaw {
  readonly msg: string;
  readonly type: "number_overflow" | "number_underflow" | "integer_precision";
}

/** Integers of at most this many characters are below 2^53; such decimals without exponent neither overflow nor underflow. */
export const ALWAYS_EXACT = 15;

/**
 * What a double would lose of a JSON number literal; undefined if nothing that the bundle format protects.
 *
 * An integer literal (no fraction, no exponent) must be printed by JavaScript with the same significant digits: 9007199254740992
 * and 10^21 are, 9007199254740993 and 2^60 are not. Decimals round to the nearest double.
 *
 * @param literal a number by RFC 8259's grammar
 */
export function numberFlaw(literal: string): NumberFlaw | undefined {
  const hasExponent = /[eE]/.test(literal);
  if (literal.length <= ALWAYS_EXACT && !hasExponent) return undefined;
  const value = Number(literal);
  if (!Number.isFinite(value)) return { msg: "a number too large for a double: quote it", type: "number_overflow" };
  if (value === 0 && significantDigits(literal) !== "") {
    return { msg: "a number so small that it would become 0: quote it", type: "number_underflow" };
  }
  const isInteger = !hasExponent && !literal.includes(".");
  if (isInteger && significantDigits(literal) !== significantDigits(String(value))) {
    return { msg: "an integer that a double cannot represent: quote it", type: "integer_precision" };
  }
  return undefined;
}

/** The digits without sign, point, exponent, leading and trailing zeros. */
function significantDigits(literal: string): string {
  const digits = literal.replace(/[eE].*$/, "").replace(/[-.]/g, "");
  let start = 0;
  let end = digits.length;
  while (start < end && digits.charCodeAt(start) === 0x30) start++;
  // A regex for the trailing zeros would try again at each zero inside of a long number.
  while (end > start && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(start, end);
}
