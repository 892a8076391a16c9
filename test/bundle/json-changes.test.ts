import fc from "fast-check";
import jsonPatch, { type Operation } from "fast-json-patch";
import { describe, expect, it } from "vitest";
import { changesOf } from "../../src/bundle/json-changes.js";
import type { ValueChange } from "../../src/core/difference.js";

const BOUNDS = { maxChanges: 1_000, maxValueLength: 10_000, maxExcerptLength: 20, maxLength: 1_000_000 };
const changes = (from: unknown, to: unknown, bounds = BOUNDS) =>
  changesOf(JSON.stringify(from), JSON.stringify(to), bounds);

const key = fc.constantFrom("a", "b", "", "~", "/", "~1", '"', "\\", "é", "\n", "0", "1", "-");
const { document } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, 0, -1.5e-7, 12, "", '"\\', "]},{["),
    fc.array(tie("value"), { maxLength: 5 }),
    tie("document"),
  ),
  document: fc.dictionary(key, tie("value"), { maxKeys: 5 }),
}));

/** As RFC 6902 applies them; each must find the old value that it names. */
function apply(from: unknown, made: readonly ValueChange[]): unknown {
  let copy = JSON.parse(JSON.stringify(from)) as unknown;
  for (const { op, path, oldValue, newValue } of made) {
    if (oldValue !== null) expect(jsonPatch.getValueByPointer(copy, path)).toEqual(JSON.parse(oldValue));
    expect(oldValue === null).toBe(op === "add");
    expect(newValue === null).toBe(op === "remove");
    const operation = { op, path, ...(newValue === null ? {} : { value: JSON.parse(newValue) as unknown }) };
    copy = jsonPatch.applyOperation(copy, operation as Operation, true).newDocument;
  }
  return copy;
}

describe("the changes between two JSON texts", () => {
  it("make the second of the first and the first of the second, and name what was there", () => {
    fc.assert(
      fc.property(document, document, (one, other) => {
        for (const [from, to] of [
          [one, other],
          [other, one],
        ]) {
          const { changes: made, total, isTruncated } = changes(from, to);
          expect({ total, isTruncated }).toEqual({ total: made.length, isTruncated: false });
          expect(apply(from, made)).toEqual(JSON.parse(JSON.stringify(to)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("are one for an item that is put in front of a list or taken out of its middle", () => {
    const rules = Array.from({ length: 50 }, (_, n) => ({ rule: n }));
    expect(changes({ rules }, { rules: [{ rule: "new" }, ...rules] }).changes).toMatchObject([
      { op: "add", path: "/rules/0", newValue: '{"rule":"new"}' },
    ]);
    expect(changes({ rules }, { rules: rules.toSpliced(20, 1) }).changes).toMatchObject([
      { op: "remove", path: "/rules/20", oldValue: '{"rule":20}' },
    ]);
  });

  it("keep numbers as they are spelled", () => {
    expect(changesOf('{"a":1,"b":2}', '{"a":1.0,"b":2}', BOUNDS).changes).toMatchObject([
      { op: "replace", path: "/a", oldValue: "1", newValue: "1.0" },
    ]);
  });

  it("show the start of a long value, and never half of a character", () => {
    const long = `${"x".repeat(18)}\u{1f600}${"y".repeat(20_000)}`;
    const [change] = changes({ a: null }, { a: long }).changes;
    expect(change).toEqual({
      ...{ op: "replace", path: "/a", oldValue: "null", newValue: null },
      ...{ oldExcerpt: null, newExcerpt: `"${"x".repeat(18)}` },
    });
  });

  it("are all counted, and shown up to the bounds", () => {
    const of = (value: number) => Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, value]));
    const many = changes(of(1), of(2));
    expect([many.changes.length, many.total, many.isTruncated]).toEqual([1_000, 5_000, true]);
    const short = changes(of(1), of(2), { ...BOUNDS, maxLength: 60 });
    expect(short.total).toBe(5_000);
    expect(short.changes.length).toBeLessThan(15);
  });

  it("leave out a path of megabytes before it is built a thousand times, and show what fits", () => {
    const of = (value: number) => ({
      ["k".repeat(2_000_000)]: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`m${n}`, value])),
      small: value,
    });
    const { changes: shown, total } = changes(of(1), of(2));
    expect(total).toBe(2_001);
    expect(shown).toMatchObject([{ path: "/small" }]);
  });
});
