/**
 * What a terminal obeys, what moves or hides the text around it, and what shows nothing: controls (C0, DEL, C1), line and paragraph
 * separators, bidi controls, zero-width and other invisible characters, lone surrogates. Not the variation selectors of emoji.
 */
const UNSEEN =
  /(?![\ufe0e\ufe0f])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{1d173}-\u{1d17a}]/gu;

const PLAIN = /^[\x20-\x7e]*$/;

/** A text in one line, in which everything unseen stands as `\u` and four hex digits, as JSON has it. For words that others wrote. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSEEN, escaped);
}

/** As printable, for a text with line breaks of its own. Of a JSON text it changes the spelling, not the value. */
export function printableLines(text: string): string {
  return text.replace(UNSEEN, (char) => (char === "\n" ? char : escaped(char)));
}

/** A template of one line: what is put in is made printable. */
export function line(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: texts }, ...values.map((value) => printable(String(value))));
}

/** The first character of a name that a reader would not see, or would see in another place; undefined when all can be seen. */
export function unseenIn(name: string): string | undefined {
  // In a name a variation selector too: two names that look the same would be two.
  const [found] = /[\ufe00-\ufe0f]/.exec(name) ?? name.match(UNSEEN) ?? [];
  return found;
}

function escaped(char: string): string {
  return char
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
