import { AppError, invalidField } from "../core/error.js";
import { ItemCount, type JsonBounds, type JsonShape } from "./json-bounds.js";
import { ALWAYS_EXACT, numberFlaw } from "./strict-number.js";
import { scanString } from "./strict-string.js";

/** The type of a JSON value. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

/** The position of a value in the text: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The result of {@link scanStrictJson}. */
export interface StrictJson {
  /** The type of the whole text. */
  readonly kind: JsonKind;
  /** The values of the top-level object by key; empty for any other type. */
  readonly spans: ReadonlyMap<string, Span>;
}

/** The limits of a scan, and the location for errors. */
export interface StrictJsonOptions {
  /** Maximum nesting of objects and arrays; default 64. A scalar has level 0, `{}` level 1. */
  readonly maxDepth?: number;
  /** The start of `loc` in errors; default `["body"]`. */
  readonly base?: readonly string[];
  /** Maximum number of values, for a text that is parsed afterwards; default: no limit. */
  readonly bounds?: JsonBounds | undefined;
  /** Takes numbers of any size and precision: of a text whose numbers are never parsed. */
  readonly anyNumber?: boolean;
}

/** Maximum nesting of a policy document (docs/bundle-format.md). */
export const MAX_POLICY_LEVELS = 64;

/** Length of a key in errors: a key can be as long as the text. */
const MAX_SHOWN_KEY = 200;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const LETTER_E = 0x65;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A number by RFC 8259; sticky, so that it never scans beyond the number. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** An object or array that is still open. */
interface Frame {
  readonly isObject: boolean;
  /** The keys so far, each with its opening quote; created with the first key. */
  keys: Set<string> | undefined;
  key: string;
  index: number;
  /** Undefined where nothing is counted. */
  readonly shape: JsonShape | undefined;
}

/**
 * Scans a JSON text and refuses everything that JSON.parse would lose silently.
 *
 * JSON.parse accepts every text that passes, and loses no key, character or digit of an integer; decimals round to the nearest double.
 * One pass, no recursion, time linear in the text. Reports the first flaw.
 *
 * @throws AppError `malformed` for a text that is not JSON (RFC 8259); the message has line, column and offset.
 * @throws AppError `invalid` with one field error: `loc` is `base` and the path of the value, `type` is one of
 *   `duplicate_key`, `prototype_key` (`__proto__`), `lone_surrogate`, `number_overflow`, `number_underflow` (not zero, but becomes
 *   0), `integer_precision` (an integer literal whose digits JavaScript would not print again), `depth`, or `too_many` (`bounds`).
 */
export function scanStrictJson(text: string, options: StrictJsonOptions = {}): StrictJson {
  const { maxDepth = MAX_POLICY_LEVELS, base = ["body"], bounds, anyNumber = false } = options;
  return new StrictScan(text, maxDepth, base, bounds && new ItemCount(bounds), anyNumber).run();
}

class StrictScan {
  private pos = 0;
  private top: Frame | undefined;
  private readonly frames: Frame[] = [];
  private readonly spans = new Map<string, Span>();
  private fieldStart = 0;

  constructor(
    private readonly text: string,
    private readonly maxDepth: number,
    private readonly base: readonly string[],
    private readonly count: ItemCount | undefined,
    private readonly anyNumber: boolean,
  ) {}

  run(): StrictJson {
    this.skipSpace();
    const kind = kindOf(this.text.charCodeAt(this.pos));
    do {
      while (this.enterValue());
    } while (this.nextValue());
    if (this.pos < this.text.length) throw this.malformed("text after the value");
    return { kind, spans: this.spans };
  }

  /** Skips a scalar or an empty container and returns false, or moves to a container's first value and returns true. */
  private enterValue(): boolean {
    const { top } = this;
    if (top?.shape !== undefined && this.count?.isOver(top.shape, top.index) === true)
      throw this.invalidAt(this.frames.length - 1, this.count.msg, "too_many");
    const code = this.text.charCodeAt(this.pos);
    if (code === QUOTE) this.string();
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) return this.open(code === OPEN_OBJECT);
    else if (code === MINUS || (code >= 0x30 && code <= 0x39)) this.number();
    else this.literal();
    return false;
  }

  private open(isObject: boolean): boolean {
    if (this.frames.length >= this.maxDepth) throw this.invalid(`more than ${this.maxDepth} levels`, "depth");
    const { top } = this;
    const shape = this.count?.shapeIn(top?.shape, top?.isObject === true ? top.key : undefined, top === undefined);
    this.top = { isObject, keys: undefined, key: "", index: 0, shape };
    this.frames.push(this.top);
    this.pos++;
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      this.close();
      return false;
    }
    if (isObject) this.key(this.top);
    return true;
  }

  private close(): void {
    this.pos++;
    this.frames.pop();
    this.top = this.frames.at(-1);
  }

  /** After a value: closes every container that ends here; true if another value follows. */
  private nextValue(): boolean {
    for (;;) {
      const top = this.top;
      if (this.frames.length === 1 && top?.isObject) this.spans.set(top.key, { start: this.fieldStart, end: this.pos });
      this.skipSpace();
      if (top === undefined) return false;
      const code = this.text.charCodeAt(this.pos);
      if (code === COMMA) {
        this.pos++;
        this.skipSpace();
        top.index++;
        if (top.isObject) this.key(top);
        return true;
      }
      if (code !== (top.isObject ? CLOSE_OBJECT : CLOSE_ARRAY))
        throw this.malformed(`expected "," or "${top.isObject ? "}" : "]"}"`);
      this.close();
    }
  }

  private key(frame: Frame): void {
    const start = this.pos;
    if (this.text.charCodeAt(start) !== QUOTE) throw this.malformed("expected a key in double quotes");
    const scan = scanString(this.text, start);
    if (scan.broken !== undefined) throw this.malformed(scan.broken, scan.end);
    // With the quote a key never looks like an array index, whose hash an attacker can predict: the Set stays linear.
    const quoted = this.text.slice(start, scan.end - 1);
    const key = scan.escaped ? (JSON.parse(`${quoted}"`) as string) : quoted.slice(1);
    frame.key = key;
    if (scan.lone) throw this.invalid("a key with a lone surrogate", "lone_surrogate");
    if (key === "__proto__") throw this.invalid("the key __proto__ is not allowed", "prototype_key");
    const unique = scan.escaped ? `"${key}` : quoted;
    frame.keys ??= new Set();
    const before = frame.keys.size;
    if (frame.keys.add(unique).size === before) throw this.invalid("duplicate key", "duplicate_key");
    this.pos = scan.end;
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) !== COLON) throw this.malformed('expected ":"');
    this.pos++;
    this.skipSpace();
    if (this.frames.length === 1) this.fieldStart = this.pos;
  }

  private string(): void {
    const scan = scanString(this.text, this.pos);
    if (scan.broken !== undefined) throw this.malformed(scan.broken, scan.end);
    if (scan.lone) throw this.invalid("a string with a lone surrogate", "lone_surrogate");
    this.pos = scan.end;
  }

  private number(): void {
    if (this.skipShortInteger()) return;
    NUMBER.lastIndex = this.pos;
    const literal = NUMBER.exec(this.text)?.[0];
    if (literal === undefined) throw this.malformed("a broken number");
    const flaw = this.anyNumber ? undefined : numberFlaw(literal);
    if (flaw !== undefined) throw this.invalid(flaw.msg, flaw.type);
    this.pos += literal.length;
  }

  /** A shortcut for short integers, of which a text can have millions: the regular expression and the checks are slower. */
  private skipShortInteger(): boolean {
    let end = this.pos;
    let code = this.text.charCodeAt(end);
    // A leading zero or minus is left to the grammar.
    if (code === 0x30 || code === MINUS) return false;
    while (code >= 0x30 && code <= 0x39) code = this.text.charCodeAt(++end);
    if (code === POINT || (code | 0x20) === LETTER_E || end - this.pos > ALWAYS_EXACT) return false;
    this.pos = end;
    return true;
  }

  private literal(): void {
    const word = ["true", "false", "null"].find((literal) => this.text.startsWith(literal, this.pos));
    if (word === undefined) throw this.malformed("expected a value");
    this.pos += word.length;
  }

  private skipSpace(): void {
    let code = this.text.charCodeAt(this.pos);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.text.charCodeAt(++this.pos);
  }

  private invalid(msg: string, type: string): AppError {
    return this.invalidAt(this.frames.length, msg, type);
  }

  /** The error for a container at a level. */
  private invalidAt(levels: number, msg: string, type: string): AppError {
    const path = this.frames
      .slice(0, levels)
      .map((frame) => (frame.isObject ? shownKey(frame.key) : String(frame.index)));
    const [source = "body", ...base] = this.base;
    return invalidField([...base, ...path], msg, type, source);
  }

  private malformed(what: string, at = this.pos): AppError {
    const problem = at >= this.text.length ? `${what}, but the text ends` : what;
    let line = 1;
    let lineStart = 0;
    // Not split(): a text of line feeds would become an array as long.
    for (let feed = this.text.indexOf("\n"); feed >= 0 && feed < at; feed = this.text.indexOf("\n", lineStart)) {
      line++;
      lineStart = feed + 1;
    }
    const column = at - lineStart + 1;
    return new AppError("malformed", `not JSON: ${problem} (line ${line}, column ${column}, offset ${at})`);
  }
}

function kindOf(code: number): JsonKind {
  if (code === OPEN_OBJECT) return "object";
  if (code === OPEN_ARRAY) return "array";
  if (code === QUOTE) return "string";
  if (code === 0x74 || code === 0x66) return "boolean";
  return code === 0x6e ? "null" : "number";
}

/** Errors are sent as UTF-8, which cannot represent a lone surrogate. */
function shownKey(key: string): string {
  const shown = key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
  return shown.replace(/\p{Surrogate}/gu, "\ufffd");
}
