import { AppError } from "../core/error.js";
import { JsonOutline, SCALAR, type JsonMembers } from "./json-outline.js";

/** The maximum size of a patch. */
export interface DiffBounds {
  readonly maxOperations: number;
  /** Length of the patch, in UTF-16 units. */
  readonly maxLength: number;
}

/** A value in one of the two texts. */
interface Part {
  readonly outline: JsonOutline;
  readonly start: number;
  readonly end: number;
  readonly node: number;
}

/** A JSON Pointer (RFC 6901), formatted only for an operation: a thousand operations may share a key of megabytes. */
interface Pointer {
  readonly parent: Pointer | null;
  /** Escaped for the pointer and for the JSON string around it. */
  readonly segment: string;
  readonly length: number;
}

/**
 * The JSON Patch (RFC 6902) from one JSON text to another, as JSON text. Both are objects as printed by JSON.stringify. Compares members
 * by key, list items by index, and scalars as text; uses add, remove and replace only.
 *
 * Time is linear in the length of the texts, memory in the number of their values.
 *
 * @throws AppError `too_large` (`diff_too_large`) as soon as the patch exceeds the bounds
 */
export function diffJson(from: string, to: string, bounds: DiffBounds): string {
  const patch = new Patch(bounds);
  const root: Pointer = { parent: null, segment: "", length: 0 };
  if (from !== to) compare(wholeOf(from), wholeOf(to), root, patch);
  return patch.text;
}

function wholeOf(text: string): Part {
  return { outline: new JsonOutline(text), start: 0, end: text.length, node: 0 };
}

/** Compares two values whose texts differ. */
function compare(from: Part, to: Part, at: Pointer, patch: Patch): void {
  if (from.node === SCALAR || to.node === SCALAR || isList(from) !== isList(to)) {
    patch.add("replace", at, textOf(to));
    return;
  }
  if (isList(from)) compareLists(from, to, at, patch);
  else compareObjects(from, to, at, patch);
}

function compareObjects(from: Part, to: Part, at: Pointer, patch: Patch): void {
  const [before, after] = [membersOf(from), membersOf(to)];
  const byKey = new Map(after.keys.map((key, index) => [key, index]));
  const isKept = new Uint8Array(after.keys.length);
  before.keys.forEach((key, index) => {
    const match = byKey.get(key);
    if (match === undefined) {
      patch.add("remove", below(at, key));
      return;
    }
    isKept[match] = 1;
    const [value, newValue] = [memberOf(from, before, index), memberOf(to, after, match)];
    if (!isWrittenAlike(value, newValue)) compare(value, newValue, below(at, key), patch);
  });
  after.keys.forEach((key, index) => {
    if (isKept[index] === 0) patch.add("add", below(at, key), textOf(memberOf(to, after, index)));
  });
}

function compareLists(from: Part, to: Part, at: Pointer, patch: Patch): void {
  const [before, after] = [membersOf(from), membersOf(to)];
  const [length, newLength] = [before.starts.length, after.starts.length];
  // From the end: each index still names what it named before.
  for (let index = length - 1; index >= newLength; index -= 1) patch.add("remove", below(at, String(index)));
  for (let index = 0; index < newLength; index += 1) {
    const newItem = memberOf(to, after, index);
    const item = index < length ? memberOf(from, before, index) : null;
    if (item === null) patch.add("add", below(at, String(index)), textOf(newItem));
    else if (!isWrittenAlike(item, newItem)) compare(item, newItem, below(at, String(index)), patch);
  }
}

class Patch {
  readonly #operations: string[] = [];
  #length = 2;

  constructor(private readonly bounds: DiffBounds) {}

  get text(): string {
    return `[${this.#operations.join(",")}]`;
  }

  /** Looks at the bounds before it writes anything. */
  add(op: "add" | "remove" | "replace", at: Pointer, value?: string): void {
    const { maxOperations, maxLength } = this.bounds;
    this.#length += `{"op":"${op}","path":"","value":},`.length + at.length + (value?.length ?? 0);
    if (this.#operations.length >= maxOperations) throw tooLarge(`more than ${maxOperations} operations`);
    if (this.#length > maxLength) throw tooLarge(`more than ${maxLength} characters`);
    const written = value === undefined ? "" : `,"value":${value}`;
    this.#operations.push(`{"op":"${op}","path":"${pathOf(at)}"${written}}`);
  }
}

function tooLarge(bound: string): AppError {
  const message = `the difference has ${bound}: fetch both documents and compare them locally`;
  return new AppError("too_large", message, { reason: "diff_too_large" });
}

function pathOf(pointer: Pointer): string {
  const segments: string[] = [];
  for (let at: Pointer | null = pointer; at !== null; at = at.parent) segments.push(at.segment);
  return segments.reverse().join("");
}

function below(parent: Pointer, key: string): Pointer {
  // JSON.stringify escapes neither of the two.
  const segment = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return { parent, segment, length: parent.length + segment.length };
}

function membersOf({ outline, node, start }: Part): JsonMembers {
  return outline.members(node, start);
}

function memberOf({ outline }: Part, { starts, ends, nodes }: JsonMembers, index: number): Part {
  return { outline, start: starts[index] ?? 0, end: ends[index] ?? 0, node: nodes[index] ?? SCALAR };
}

function textOf({ outline, start, end }: Part): string {
  return outline.text.slice(start, end);
}

function isWrittenAlike(one: Part, other: Part): boolean {
  return one.end - one.start === other.end - other.start && textOf(one) === textOf(other);
}

function isList({ outline, start }: Part): boolean {
  return outline.text.startsWith("[", start);
}
