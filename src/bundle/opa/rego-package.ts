/** The path of a Rego module's package, without `data`; or why the text has none. */
export type RegoPackage = { readonly path: readonly string[] } | { readonly problem: string };

const SPACE = " \t\r\n";
const LETTER = /^[A-Za-z_]$/;
/** OPA's scanner: ASCII letters, `_`, and after the first also decimal digits of any script. */
const LETTER_OR_DIGIT = /^[A-Za-z_\p{Nd}]$/u;

/**
 * Reads the package declaration at the start of a Rego module, as OPA's scanner and parser do (`v1/ast/internal/scanner`, `parsePackage` and
 * `parseRef` in `v1/ast/parser.go`): after an optional byte-order mark, white space and comments, `package` and a reference whose parts are
 * identifiers, keywords among them, or strings: `package a.b["c-d"]`. What follows it is not read, so that a module with a package may
 * still have other errors. Time linear in the text up to its end.
 */
export function readRegoPackage(text: string): RegoPackage {
  const reader = new Reader(text);
  reader.skipSpace();
  if (reader.takeName() !== "package") return { problem: "must begin with a package declaration" };
  const before = reader.pos;
  reader.skipSpace();
  const first = reader.pos === before ? null : reader.takeName();
  // A lone underscore is a name that OPA makes up.
  if (first === null || first === "_") return reader.problem("a name after package");
  const path = [first];
  for (;;) {
    reader.skipComment();
    const next = reader.takeOne(".[");
    if (next === null) return reader.isAtEnd() ? { path } : reader.problem("the end of the package");
    const part = next === "." ? reader.afterDot() : reader.inBrackets();
    if (part === null)
      return reader.problem(next === "." ? "a name after the dot" : 'a string in brackets, as in ["name"]');
    path.push(part);
  }
}

/** Goes from character to character: a pattern that repeats a choice would overflow its stack on a text of some megabytes. */
class Reader {
  pos: number;

  constructor(private readonly text: string) {
    this.pos = text.startsWith("\ufeff") ? 1 : 0;
  }

  /** White space and comments. */
  skipSpace(): void {
    for (;;) {
      const from = this.pos;
      while (this.#isOneOf(SPACE)) this.pos++;
      this.skipComment();
      if (this.pos === from) return;
    }
  }

  /** A comment up to the end of its line. */
  skipComment(): void {
    if (!this.#isOneOf("#")) return;
    const end = this.text.indexOf("\n", this.pos);
    this.pos = end < 0 ? this.text.length : end;
  }

  /** The identifier here; null if there is none. */
  takeName(): string | null {
    const from = this.pos;
    let allowed = LETTER;
    for (;;) {
      const character = String.fromCodePoint(this.text.codePointAt(this.pos) ?? 0);
      if (!allowed.test(character)) break;
      this.pos += character.length;
      allowed = LETTER_OR_DIGIT;
    }
    return this.pos === from ? null : this.text.slice(from, this.pos);
  }

  takeOne(characters: string): string | null {
    if (!this.#isOneOf(characters)) return null;
    return this.text.charAt(this.pos++);
  }

  /** A text that goes on without white space, as `a-b`, is no package for OPA. */
  isAtEnd(): boolean {
    return this.pos === this.text.length || this.#isOneOf(SPACE);
  }

  afterDot(): string | null {
    this.skipComment();
    return this.takeName();
  }

  inBrackets(): string | null {
    this.skipSpace();
    const quoted = this.#takeQuoted();
    const raw = quoted === null ? this.#takeRaw() : null;
    this.skipSpace();
    if (this.takeOne("]") === null) return null;
    if (quoted === null) return raw?.slice(1, -1) ?? null;
    const inner = quoted.slice(1, -1);
    // OPA reads a literal without escapes as it is, and the others as JSON, where a lone surrogate would become another character.
    if (!inner.includes("\\")) return inner;
    const text = unescaped(quoted);
    return text?.isWellFormed() === true ? text : null;
  }

  problem(expected: string): { readonly problem: string } {
    let line = 1;
    for (let at = this.text.indexOf("\n"); at >= 0 && at < this.pos; at = this.text.indexOf("\n", at + 1)) line++;
    return { problem: `line ${line}: expected ${expected}` };
  }

  #isOneOf(characters: string): boolean {
    return this.pos < this.text.length && characters.includes(this.text.charAt(this.pos));
  }

  /** A literal with its quotes, whose escapes may be wrong; null for one that does not end on its line. */
  #takeQuoted(): string | null {
    if (!this.#isOneOf('"')) return null;
    for (let at = this.pos + 1; at < this.text.length; at++) {
      const character = this.text.charAt(at);
      if (character === "\n" || character === "\0") return null;
      if (character === "\\") at++;
      else if (character === '"') return this.#takeTo(at + 1);
    }
    return null;
  }

  /** A raw literal with its quotes. */
  #takeRaw(): string | null {
    if (!this.#isOneOf("`")) return null;
    const end = this.text.indexOf("`", this.pos + 1);
    const raw = end < 0 ? "\0" : this.text.slice(this.pos, end + 1);
    return raw.includes("\0") ? null : this.#takeTo(end + 1);
  }

  #takeTo(end: number): string {
    const from = this.pos;
    this.pos = end;
    return this.text.slice(from, end);
  }
}

/** Null for a literal that JSON does not take: with a control character, for example a tab. */
function unescaped(quoted: string): string | null {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return null;
  }
}
