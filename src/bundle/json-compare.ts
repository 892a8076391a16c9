import { JsonOutline, SCALAR, type JsonMembers } from "./json-outline.js";

/** A value in one of the two texts. */
export interface JsonPart {
  readonly outline: JsonOutline;
  readonly start: number;
  readonly end: number;
  readonly node: number;
}

/** A JSON Pointer (RFC 6901), formatted only when it is needed: a thousand differences may share a key of megabytes. */
export interface JsonPointer {
  readonly parent: JsonPointer | null;
  /** Escaped for the pointer and for the JSON string around it. */
  readonly segment: string;
  /** Of the formatted pointer, so escaped. */
  readonly length: number;
}

/** Takes the differences that {@link compareJson} finds, in an order in which they can be applied one after another. */
export interface DifferenceSink {
  add(at: JsonPointer, value: JsonPart): void;
  remove(at: JsonPointer, value: JsonPart): void;
  replace(at: JsonPointer, value: JsonPart, newValue: JsonPart): void;
}

/**
 * Finds what turns one JSON text into another. Both are objects as printed by JSON.stringify. Compares members by key, the items of lists
 * by index after what both begin and end with, and scalars as text.
 *
 * Time is linear in the length of the texts, memory in the number of their values.
 */
export function compareJson(from: string, to: string, sink: DifferenceSink): void {
  if (from !== to) compare(wholeOf(from), wholeOf(to), ROOT, sink);
}

const ROOT: JsonPointer = { parent: null, segment: "", length: 0 };

/** The pointer as it stands inside of a JSON string, so without its quotes. */
export function formatPointer(pointer: JsonPointer): string {
  const segments: string[] = [];
  for (let at: JsonPointer | null = pointer; at !== null; at = at.parent) segments.push(at.segment);
  return segments.reverse().join("");
}

/** The JSON text of a value. */
export function textOf({ outline, start, end }: JsonPart): string {
  return outline.text.slice(start, end);
}

function wholeOf(text: string): JsonPart {
  return { outline: new JsonOutline(text), start: 0, end: text.length, node: 0 };
}

/** Compares two values whose texts differ. */
function compare(from: JsonPart, to: JsonPart, at: JsonPointer, sink: DifferenceSink): void {
  if (from.node === SCALAR || to.node === SCALAR || isList(from) !== isList(to)) {
    sink.replace(at, from, to);
    return;
  }
  if (isList(from)) compareLists(from, to, at, sink);
  else compareObjects(from, to, at, sink);
}

function compareObjects(from: JsonPart, to: JsonPart, at: JsonPointer, sink: DifferenceSink): void {
  const [before, after] = [membersOf(from), membersOf(to)];
  const byKey = new Map(after.keys.map((key, index) => [key, index]));
  const isKept = new Uint8Array(after.keys.length);
  before.keys.forEach((key, index) => {
    const match = byKey.get(key);
    if (match === undefined) {
      sink.remove(below(at, key), memberOf(from, before, index));
      return;
    }
    isKept[match] = 1;
    const [value, newValue] = [memberOf(from, before, index), memberOf(to, after, match)];
    if (!isWrittenAlike(value, newValue)) compare(value, newValue, below(at, key), sink);
  });
  after.keys.forEach((key, index) => {
    if (isKept[index] === 0) sink.add(below(at, key), memberOf(to, after, index));
  });
}

/** What both lists begin and end with is left out, so that one item more in front is one difference. */
function compareLists(from: JsonPart, to: JsonPart, at: JsonPointer, sink: DifferenceSink): void {
  const [before, after] = [membersOf(from), membersOf(to)];
  const item = (index: number) => memberOf(from, before, index);
  const newItem = (index: number) => memberOf(to, after, index);
  let [end, newEnd] = [before.starts.length, after.starts.length];
  let start = 0;
  while (start < end && start < newEnd && isWrittenAlike(item(start), newItem(start))) start += 1;
  while (end > start && newEnd > start && isWrittenAlike(item(end - 1), newItem(newEnd - 1))) {
    end -= 1;
    newEnd -= 1;
  }
  // From the end: each index still names what it named before.
  for (let index = end - 1; index >= newEnd; index -= 1) sink.remove(below(at, String(index)), item(index));
  for (let index = start; index < newEnd; index += 1) {
    if (index >= end) sink.add(below(at, String(index)), newItem(index));
    else if (!isWrittenAlike(item(index), newItem(index)))
      compare(item(index), newItem(index), below(at, String(index)), sink);
  }
}

function below(parent: JsonPointer, key: string): JsonPointer {
  // JSON.stringify escapes neither of the two.
  const segment = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return { parent, segment, length: parent.length + segment.length };
}

function membersOf({ outline, node, start }: JsonPart): JsonMembers {
  return outline.members(node, start);
}

function memberOf({ outline }: JsonPart, { starts, ends, nodes }: JsonMembers, index: number): JsonPart {
  return { outline, start: starts[index] ?? 0, end: ends[index] ?? 0, node: nodes[index] ?? SCALAR };
}

function isWrittenAlike(one: JsonPart, other: JsonPart): boolean {
  return one.end - one.start === other.end - other.start && textOf(one) === textOf(other);
}

function isList({ outline, start }: JsonPart): boolean {
  return outline.text.startsWith("[", start);
}
