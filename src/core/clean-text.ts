/**
 * What does not show, or changes how its surroundings show: controls, line and paragraph separators, format characters (bidi, zero
 * width).
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;

/** A text of somebody else as one line: what is not seen becomes a space, and what is longer is cut. Null stays null. */
export function cleanText(text: string | null, maxCharacters: number): string | null {
  if (text === null) return null;
  // Code points are at most two units; what is cut here is never looked at.
  const bounded = text.slice(0, 4 * maxCharacters).toWellFormed();
  return [...bounded.replace(UNSEEN, " ").trim()].slice(0, maxCharacters).join("");
}
