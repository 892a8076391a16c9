/** One segment that a path must have: a given text, any one segment, or all that are left. */
export type Segment =
  { readonly kind: "literal"; readonly text: string } | { readonly kind: "one" } | { readonly kind: "rest" };

/** The part of a path that goes into a field. */
export interface Variable {
  /** The field, dotted when it is nested: `org_id`, `project.id`. */
  readonly field: string;
  /** The first of its segments. */
  readonly start: number;
  /** After the last of its segments, as the template counts them. */
  readonly end: number;
}

/** A parsed path of google.api.http. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** What follows the colon at the end, empty when there is none. */
  readonly verb: string;
}

/** RFC 3986's unreserved characters, escapes, and the sub-delims that mean nothing in a template. */
const LITERAL = /(?:[A-Za-z0-9\-._~!$&'()+,;@]|%[0-9A-Fa-f]{2})+/y;
const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * Parses a path template (google.api.http, "Path template syntax").
 *
 * Throws an Error that says what is wrong and where: it is a defect of the proto, seen at start-up.
 */
export function parseTemplate(text: string): PathTemplate {
  return new TemplateParser(text).parse();
}

class TemplateParser {
  private pos = 0;
  private readonly segments: Segment[] = [];
  private readonly variables: Variable[] = [];

  constructor(private readonly text: string) {}

  parse(): PathTemplate {
    this.expect("/");
    this.segmentList(true);
    const verb = this.take(":") ? this.literal("a verb") : "";
    if (this.pos < this.text.length) throw this.error(`unexpected "${this.text.charAt(this.pos)}"`);
    const rest = this.segments.findIndex(({ kind }) => kind === "rest");
    if (rest >= 0 && rest < this.segments.length - 1) throw this.error('"**" is not the last segment');
    return { text: this.text, segments: this.segments, variables: this.variables, verb };
  }

  private segmentList(variablesAllowed: boolean): void {
    do this.segment(variablesAllowed);
    while (this.take("/"));
  }

  private segment(variablesAllowed: boolean): void {
    if (this.take("**")) this.segments.push({ kind: "rest" });
    else if (this.take("*")) this.segments.push({ kind: "one" });
    else if (this.text.charAt(this.pos) !== "{")
      this.segments.push({ kind: "literal", text: this.literal("a segment") });
    else if (variablesAllowed) this.variable();
    else throw this.error("a variable inside of a variable");
  }

  private variable(): void {
    this.expect("{");
    const field = this.fieldPath();
    const start = this.segments.length;
    if (this.take("=")) this.segmentList(false);
    else this.segments.push({ kind: "one" });
    this.expect("}");
    const clash = this.variables.find(
      (other) => `${other.field}.`.startsWith(`${field}.`) || `${field}.`.startsWith(`${other.field}.`),
    );
    if (clash !== undefined) throw this.error(`"${field}" and "${clash.field}" bind the same field`);
    this.variables.push({ field, start, end: this.segments.length });
  }

  private fieldPath(): string {
    const names = [this.match(IDENT, "a field name")];
    while (this.take(".")) names.push(this.match(IDENT, "a field name"));
    return names.join(".");
  }

  private literal(what: string): string {
    const start = this.pos;
    const raw = this.match(LITERAL, what);
    let text: string;
    try {
      text = decodeURIComponent(raw);
    } catch {
      throw this.error(`"${raw}" is not percent-encoded UTF-8`, start);
    }
    if (text === "." || text === "..") throw this.error(`no path can have the segment "${text}"`, start);
    return text;
  }

  private match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw this.error(`expected ${what}`);
    this.pos += found.length;
    return found;
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.pos)) return false;
    this.pos += token.length;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) throw this.error(`expected "${token}"`);
  }

  private error(problem: string, at = this.pos): Error {
    return new Error(`path template "${this.text}": ${problem} (offset ${at})`);
  }
}
