const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const LETTER_E = 0x65;

/** Python prints floats from here on, and below {@link SMALL}, with an exponent. */
const LARGE = 1e16;
const SMALL = 1e-4;

/** Every decimal with at most this many significant digits is the shortest representation of its double. */
const ALWAYS_SHORTEST = 15;

/**
 * A JSON text as in documents: without white space, numbers as {@link canonicalNumber}, strings as JSON.stringify prints them. Keys keep
 * their order.
 *
 * One pass over the text without parsing it: a parsed `1.0` would become an integer.
 *
 * @param text accepted by {@link scanStrictJson}
 */
export function servedText(text: string): string {
  return new TextPrinter(text).run();
}

/**
 * The text with every number printed by `print`, strings as JSON.stringify does, and no white space.
 *
 * @param text accepted by {@link scanStrictJson}
 */
export function withNumbers(text: string, print: (literal: string) => string): string {
  return new TextPrinter(text, print).run();
}

/** The offset after the string whose opening quote is at `start`; the text's length when the string is not closed. */
export function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    // An even number of backslashes escape each other.
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
}

class TextPrinter {
  private pos = 0;
  private readonly pieces: string[] = [];
  private copied = 0;
  /** The offset of the next backslash from `pos` on; the length of the text if there is none. */
  private backslash = -1;

  constructor(
    private readonly text: string,
    private readonly print?: (literal: string) => string,
  ) {}

  run(): string {
    const { text } = this;
    while (this.pos < text.length) {
      const code = text.charCodeAt(this.pos);
      if (code === QUOTE) this.string();
      else if (code === MINUS || isDigit(code)) this.number();
      else if (code <= 0x20) this.space();
      else this.pos++;
    }
    if (this.copied === 0) return text;
    this.pieces.push(text.slice(this.copied));
    return this.pieces.join("");
  }

  private string(): void {
    const start = this.pos;
    this.pos = stringEnd(this.text, start);
    if (this.backslash < start) {
      const next = this.text.indexOf("\\", start);
      this.backslash = next < 0 ? this.text.length : next;
    }
    if (this.backslash >= this.pos) return;
    this.replaceFrom(start, (literal) => JSON.stringify(JSON.parse(literal)));
  }

  private space(): void {
    const start = this.pos;
    while (this.text.charCodeAt(this.pos) <= 0x20) this.pos++;
    this.replaceFrom(start, () => "");
  }

  private number(): void {
    const start = this.pos;
    const digits = this.text.charCodeAt(start) === MINUS ? start + 1 : start;
    this.pos = digits;
    let code = this.skipDigits();
    const point = this.pos;
    if (code === POINT) {
      this.pos++;
      code = this.skipDigits();
    }
    const hasExponent = (code | 0x20) === LETTER_E;
    if (hasExponent) {
      this.pos += 2;
      this.skipDigits();
    }
    if (this.print !== undefined) this.replaceFrom(start, this.print);
    else if (hasExponent || !this.isPrintedSo(start, digits, point)) this.replaceFrom(start, canonicalNumber);
  }

  /** Whether the number that ends at `pos` is certainly canonical already: printing it costs ten times as much. */
  private isPrintedSo(start: number, digits: number, point: number): boolean {
    // An integer: all but minus zero are canonical.
    if (point === this.pos) return start === digits || this.text.charCodeAt(digits) !== ZERO;
    const isLong = this.pos - digits > ALWAYS_SHORTEST + 1;
    const endsInZero = this.text.charCodeAt(this.pos - 1) === ZERO && this.pos > point + 2;
    return !isLong && !endsInZero && !this.text.startsWith("0.0000", digits);
  }

  /** The code of the first character after the digits at `pos`. */
  private skipDigits(): number {
    let code = this.text.charCodeAt(this.pos);
    while (isDigit(code)) code = this.text.charCodeAt(++this.pos);
    return code;
  }

  private replaceFrom(start: number, print: (literal: string) => string): void {
    const literal = this.text.slice(start, this.pos);
    const printed = print(literal);
    if (printed === literal) return;
    this.pieces.push(this.text.slice(this.copied, start), printed);
    this.copied = this.pos;
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/**
 * A JSON number as Python parses and prints it. A literal without point and exponent is an integer, which keeps its digits (`-0` becomes
 * `0`); any other is a float, printed like repr: `1.0`, `100.0` for `1e2`, `1e-05`, `1e+21`.
 *
 * @param literal a number by the grammar of RFC 8259, without a {@link numberFlaw}
 */
export function canonicalNumber(literal: string): string {
  if (!/[.eE]/.test(literal)) return literal === "-0" ? "0" : literal;
  const value = Number(literal);
  const size = Math.abs(value);
  // Both languages print the shortest digits that parse back; they differ only in when and how they write an exponent.
  if (size !== 0 && (size < SMALL || size >= LARGE)) return value.toExponential().replace(/([+-])(\d)$/, "$10$2");
  const plain = Object.is(value, -0) ? "-0" : String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
