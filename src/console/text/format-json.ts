import { JsonOutline } from "../../bundle/json-outline.js";
import { stringEnd } from "../../bundle/served-text.js";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Characters between two looks at the clock. */
const PORTION = 16_384;

/** The longest that formatting holds up the page, in milliseconds. */
const SLICE_MS = 8;

/**
 * A JSON text with line breaks and an indentation of two spaces. Numbers, strings and keys are copied as they are written: nothing is
 * parsed, so `1.0` and `990000000262240065` stay.
 *
 * @param text accepted by scanStrictJson
 */
export function formatJson(text: string): string {
  const printer = new JsonPrinter(text);
  while (printer.step(Number.MAX_SAFE_INTEGER));
  return printer.result;
}

/** As {@link formatJson}, in slices of some milliseconds, so that the page stays responsive. Rejects with the signal's reason. */
export async function formatJsonInSlices(text: string, signal: AbortSignal): Promise<string> {
  const printer = new JsonPrinter(text);
  let until = performance.now() + SLICE_MS;
  while (printer.step(PORTION)) {
    if (performance.now() < until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    until = performance.now() + SLICE_MS;
  }
  return printer.result;
}

/**
 * A JSON text with the members of its objects in the order of their keys, so that two texts are compared by what they say. Values and keys
 * are copied as they are written.
 *
 * @param text without white space and with at most 66 levels, as the server serves documents
 */
export function sortMembers(text: string): string {
  const outline = new JsonOutline(text);
  const sorted = (node: number, start: number, end: number): string => {
    if (node < 0) return text.slice(start, end);
    const { keys, starts, ends, nodes } = outline.members(node, start);
    const values = starts.map((from, index) => sorted(nodes[index] ?? -1, from, ends[index] ?? from));
    if (text.charCodeAt(start) === OPEN_LIST) return `[${values.join(",")}]`;
    const order = keys.map((key, index) => [key, index] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${order.map(([key, index]) => `"${key}":${values[index] ?? ""}`).join(",")}}`;
  };
  const isContainer = text.startsWith("{") || text.startsWith("[");
  return isContainer ? sorted(0, 0, text.length) : text;
}

class JsonPrinter {
  readonly #pieces: string[] = [];
  #pos = 0;
  #depth = 0;

  constructor(private readonly text: string) {}

  get result(): string {
    return this.#pieces.join("");
  }

  /** Prints about so many characters more; false at the end of the text. */
  step(characters: number): boolean {
    const { text } = this;
    const end = Math.min(text.length, this.#pos + characters);
    while (this.#pos < end) {
      const code = text.charCodeAt(this.#pos);
      if (code === QUOTE) this.#copyTo(stringEnd(text, this.#pos));
      else if (code === OPEN_OBJECT || code === OPEN_LIST) this.#open(code);
      else if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.#close();
      else if (code === COMMA) this.#mark(`,${this.#lineBreak}`);
      else if (code === COLON) this.#mark(": ");
      else if (isSpace(code)) this.#pos++;
      else this.#copyTo(this.#endOfWord());
    }
    return this.#pos < text.length;
  }

  get #lineBreak(): string {
    return `\n${"  ".repeat(this.#depth)}`;
  }

  #open(code: number): void {
    const { text } = this;
    let next = this.#pos + 1;
    while (isSpace(text.charCodeAt(next))) next++;
    const isEmpty = text.charCodeAt(next) === (code === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST);
    if (isEmpty) {
      this.#pieces.push(code === OPEN_OBJECT ? "{}" : "[]");
      this.#pos = next + 1;
      return;
    }
    this.#depth++;
    this.#mark(text.charAt(this.#pos) + this.#lineBreak);
  }

  #close(): void {
    this.#depth--;
    this.#mark(this.#lineBreak + this.text.charAt(this.#pos));
  }

  #mark(written: string): void {
    this.#pieces.push(written);
    this.#pos++;
  }

  #copyTo(end: number): void {
    this.#pieces.push(this.text.slice(this.#pos, end));
    this.#pos = end;
  }

  /** The offset after a number, `true`, `false` or `null`. */
  #endOfWord(): number {
    let pos = this.#pos + 1;
    for (; pos < this.text.length; pos++) {
      const code = this.text.charCodeAt(pos);
      if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_LIST || isSpace(code)) break;
    }
    return pos;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
