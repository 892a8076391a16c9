/**
 * Invisible characters, and those that a terminal obeys or that move or hide the text around them: controls (C0, DEL, C1), line and
 * paragraph separators, bidi controls, zero-width characters, lone surrogates. Not the variation selectors of emoji.
 */
const INVISIBLE =
  /(?![\ufe0e\ufe0f])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{1d173}-\u{1d17a}]/gu;

const PLAIN = /^[\x20-\x7e]*$/;

/** A text as one line, invisible characters as `\u` and four hex digits, as in JSON. For texts that others wrote. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(INVISIBLE, escaped);
}

/** As printable, but keeps line breaks. Changes the spelling of a JSON text, not its value. */
export function printableLines(text: string): string {
  return text.replace(INVISIBLE, (char) => (char === "\n" ? char : escaped(char)));
}

/** A template for one line: the values are made printable. */
export function line(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: texts }, ...values.map((value) => printable(String(value))));
}

/** The first invisible or displacing character of a name; undefined when there is none. */
export function invisibleIn(name: string): string | undefined {
  // In a name a variation selector too: two names that look the same would be two.
  const [found] = /[\ufe00-\ufe0f]/.exec(name) ?? name.match(INVISIBLE) ?? [];
  return found;
}

const INVISIBLE_OR_SPACE = new RegExp(`(?:${INVISIBLE.source}|\\s)+`, "gu");

/** A text of others as one line of at most `maxCharacters` code points: invisible characters become a space. Null stays null. */
export function cleanText(text: string | null, maxCharacters: number): string | null {
  if (text === null) return null;
  // Cut before the scan, so that its time is bounded; a code point has at most two UTF-16 units.
  const bounded = text.slice(0, 4 * maxCharacters).toWellFormed();
  return [...bounded.replace(INVISIBLE_OR_SPACE, " ").trim()].slice(0, maxCharacters).join("");
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** A size for a person: 1536 is `1.5 KiB`. With one digit after the point below 100 of a unit. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? ""}`;
}

function escaped(char: string): string {
  return char
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
