import { AppError } from "../core/error.js";
import {
  compareJson,
  formatPointer,
  textOf,
  type DifferenceSink,
  type JsonPart,
  type JsonPointer,
} from "./json-compare.js";

/** The maximum size of a patch. */
export interface DiffBounds {
  readonly maxOperations: number;
  /** Length of the patch, in UTF-16 units. */
  readonly maxLength: number;
}

/**
 * The JSON Patch (RFC 6902) from one JSON text to another, as JSON text; as {@link compareJson}. Uses add, remove and replace only.
 *
 * @throws AppError `too_large` (`diff_too_large`) as soon as the patch exceeds the bounds
 */
export function diffJson(from: string, to: string, bounds: DiffBounds): string {
  const patch = new Patch(bounds);
  compareJson(from, to, patch);
  return patch.text;
}

class Patch implements DifferenceSink {
  readonly #operations: string[] = [];
  #length = 2;

  constructor(private readonly bounds: DiffBounds) {}

  get text(): string {
    return `[${this.#operations.join(",")}]`;
  }

  add(at: JsonPointer, value: JsonPart): void {
    this.#write("add", at, value);
  }

  remove(at: JsonPointer): void {
    this.#write("remove", at);
  }

  replace(at: JsonPointer, _value: JsonPart, newValue: JsonPart): void {
    this.#write("replace", at, newValue);
  }

  /** Looks at the bounds before it writes anything. */
  #write(op: "add" | "remove" | "replace", at: JsonPointer, value?: JsonPart): void {
    const { maxOperations, maxLength } = this.bounds;
    const valueLength = value === undefined ? 0 : value.end - value.start;
    this.#length += `{"op":"${op}","path":"","value":},`.length + at.length + valueLength;
    if (this.#operations.length >= maxOperations) throw tooLarge(`more than ${maxOperations} operations`);
    if (this.#length > maxLength) throw tooLarge(`more than ${maxLength} characters`);
    const written = value === undefined ? "" : `,"value":${textOf(value)}`;
    this.#operations.push(`{"op":"${op}","path":"${formatPointer(at)}"${written}}`);
  }
}

function tooLarge(bound: string): AppError {
  const message = `the difference has ${bound}: fetch both documents and compare them locally`;
  return new AppError("too_large", message, { reason: "diff_too_large" });
}
