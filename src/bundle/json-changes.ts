import type { Difference, ValueChange } from "../core/difference.js";
import {
  compareJson,
  formatPointer,
  textOf,
  type DifferenceSink,
  type JsonPart,
  type JsonPointer,
} from "./json-compare.js";

/** How much of a difference is shown. Lengths are in UTF-16 units. */
export interface ChangeBounds {
  readonly maxChanges: number;
  /** Of one value's JSON text: of a longer one an excerpt is shown. */
  readonly maxValueLength: number;
  /** Of an excerpt. */
  readonly maxExcerptLength: number;
  /** Of all paths and values together. A change that does not fit is counted, and left out. */
  readonly maxLength: number;
}

/**
 * What differs between two JSON texts, with old and new values; as compareJson. Every difference is counted, and as many are shown as the
 * bounds allow: never throws for a large one.
 */
export function changesOf(from: string, to: string, bounds: ChangeBounds): Difference {
  const changes = new Changes(bounds);
  compareJson(from, to, changes);
  const { shown, total } = changes;
  return { changes: shown, total, isTruncated: shown.length < total };
}

class Changes implements DifferenceSink {
  readonly shown: ValueChange[] = [];
  total = 0;
  #length = 0;

  constructor(private readonly bounds: ChangeBounds) {}

  add(at: JsonPointer, value: JsonPart): void {
    this.#count("add", at, null, value);
  }

  remove(at: JsonPointer, value: JsonPart): void {
    this.#count("remove", at, value, null);
  }

  replace(at: JsonPointer, value: JsonPart, newValue: JsonPart): void {
    this.#count("replace", at, value, newValue);
  }

  #count(op: ValueChange["op"], at: JsonPointer, before: JsonPart | null, after: JsonPart | null): void {
    this.total += 1;
    const { maxChanges, maxLength } = this.bounds;
    const length = this.#length + at.length + this.#shownLength(before) + this.#shownLength(after);
    if (this.shown.length >= maxChanges || length > maxLength) return;
    this.#length = length;
    this.shown.push({
      op,
      // Keys are escaped as in the text, of which a path has the meaning.
      path: JSON.parse(`"${formatPointer(at)}"`) as string,
      oldValue: this.#value(before),
      newValue: this.#value(after),
      oldExcerpt: this.#excerpt(before),
      newExcerpt: this.#excerpt(after),
    });
  }

  #shownLength(part: JsonPart | null): number {
    if (part === null) return 0;
    return this.#isLong(part) ? this.bounds.maxExcerptLength : part.end - part.start;
  }

  #value(part: JsonPart | null): string | null {
    return part === null || this.#isLong(part) ? null : textOf(part);
  }

  #excerpt(part: JsonPart | null): string | null {
    if (part === null || !this.#isLong(part)) return null;
    const { outline, start } = part;
    const excerpt = outline.text.slice(start, start + this.bounds.maxExcerptLength);
    // Half of a surrogate pair cannot be sent.
    return excerpt.replace(/[\ud800-\udbff]$/, "");
  }

  #isLong({ start, end }: JsonPart): boolean {
    return end - start > this.bounds.maxValueLength;
  }
}
