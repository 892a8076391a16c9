/** The path of a Rego module's package, without `data`; or why the text has none. */
export type RegoPackage = { readonly path: readonly string[] } | { readonly problem: string };

const SPACE_AND_COMMENTS = /(?:[ \t\r\n]|#[^\n]*)*/y;
const COMMENTS = /(?:#[^\n]*)*/y;
/** OPA's scanner: ASCII letters, `_`, and after the first also decimal digits of any script. */
const IDENTIFIER = /[A-Za-z_](?:[A-Za-z_0-9]|(?![\0-\x7f])\p{Nd})*/uy;
const QUOTED = /"(?:[^"\\\n\0]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const RAW = /`[^`\0]*`/y;

/**
 * Reads the package declaration at the start of a Rego module, as OPA's scanner and parser do (`v1/ast/internal/scanner`, `parsePackage` and
 * `parseRef` in `v1/ast/parser.go`): after an optional byte-order mark, white space and comments, `package` and a reference whose parts are
 * identifiers, keywords among them, or strings: `package a.b["c-d"]`. What follows it is not read, so that a module with a package may
 * still have other errors. Time linear in the text up to its end.
 */
export function readRegoPackage(text: string): RegoPackage {
  const reader = new Reader(text);
  reader.skip(SPACE_AND_COMMENTS);
  if (reader.take(IDENTIFIER) !== "package") return { problem: "must begin with a package declaration" };
  const before = reader.pos;
  reader.skip(SPACE_AND_COMMENTS);
  const first = reader.pos === before ? null : reader.take(IDENTIFIER);
  // A lone underscore is a name that OPA makes up.
  if (first === null || first === "_") return reader.problem("a name after package");
  const path = [first];
  for (;;) {
    reader.skip(COMMENTS);
    const next = reader.takeOne(".[");
    if (next === null) return reader.isAtEnd() ? { path } : reader.problem("the end of the package");
    const part = next === "." ? reader.afterDot() : reader.inBrackets();
    if (part === null)
      return reader.problem(next === "." ? "a name after the dot" : 'a string in brackets, as in ["name"]');
    path.push(part);
  }
}

class Reader {
  pos: number;

  constructor(private readonly text: string) {
    this.pos = text.startsWith("\ufeff") ? 1 : 0;
  }

  skip(pattern: RegExp): void {
    this.take(pattern);
  }

  /** What a sticky pattern matches here; null if it does not. */
  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text)?.[0] ?? null;
    this.pos += found?.length ?? 0;
    return found;
  }

  takeOne(characters: string): string | null {
    const next = this.text.charAt(this.pos);
    if (next === "" || !characters.includes(next)) return null;
    this.pos++;
    return next;
  }

  /** A text that goes on without white space, as `a-b`, is no package for OPA. */
  isAtEnd(): boolean {
    return this.pos === this.text.length || " \t\r\n".includes(this.text.charAt(this.pos));
  }

  afterDot(): string | null {
    this.skip(COMMENTS);
    return this.take(IDENTIFIER);
  }

  inBrackets(): string | null {
    this.skip(SPACE_AND_COMMENTS);
    const quoted = this.take(QUOTED);
    const raw = quoted === null ? this.take(RAW) : null;
    this.skip(SPACE_AND_COMMENTS);
    if (this.takeOne("]") === null) return null;
    if (quoted === null) return raw?.slice(1, -1) ?? null;
    const inner = quoted.slice(1, -1);
    // OPA reads a literal without escapes as it is, and the others as JSON, where a lone surrogate would become another character.
    if (!inner.includes("\\")) return inner;
    const text = unescaped(quoted);
    return text?.isWellFormed() === true ? text : null;
  }

  problem(expected: string): { readonly problem: string } {
    const line = this.text.slice(0, this.pos).split("\n").length;
    return { problem: `line ${line}: expected ${expected}` };
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
