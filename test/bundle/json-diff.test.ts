import fc from "fast-check";
import jsonPatch, { type Operation } from "fast-json-patch";
import { describe, expect, it } from "vitest";
import { diffJson } from "../../src/bundle/json-diff.js";

const BOUNDS = { maxOperations: 1_000, maxLength: 1_000_000 };
const diff = (from: unknown, to: unknown) =>
  JSON.parse(diffJson(JSON.stringify(from), JSON.stringify(to), BOUNDS)) as Operation[];

/** Short keys, so that both documents have some of them. */
const key = fc.constantFrom("a", "b", "", "~", "/", "~1", '"', "\\", "é", "\n", "__proto__x", "0", "1", "-");
const { document } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, 0, -1.5e-7, 12, "", '"\\', "]},{[", "a".repeat(20)),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("document"),
  ),
  document: fc.dictionary(key, tie("value"), { maxKeys: 5 }),
}));

describe("the difference of two JSON texts", () => {
  it("makes the second of the first, whatever they are", () => {
    fc.assert(
      fc.property(document, document, (from, to) => {
        const copy = JSON.parse(JSON.stringify(from)) as unknown;
        expect(jsonPatch.applyPatch(copy, diff(from, to), true).newDocument).toEqual(JSON.parse(JSON.stringify(to)));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[name: string, from: unknown, to: unknown, patch: unknown]>([
    ["nothing", { a: [1, { b: "x" }] }, { a: [1, { b: "x" }] }, []],
    ["the order of keys is none", { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }, []],
    ["a value", { a: { b: 1 } }, { a: { b: "1" } }, [{ op: "replace", path: "/a/b", value: "1" }]],
    ["a list for an object", { a: {} }, { a: [] }, [{ op: "replace", path: "/a", value: [] }]],
    ["an object for null", { a: null }, { a: { b: 1 } }, [{ op: "replace", path: "/a", value: { b: 1 } }]],
    ["a key that needs escapes", { "~/\n": 1 }, {}, [{ op: "remove", path: "/~0~1\n" }]],
    [
      "items, from the end",
      { a: [1, 2, 3, 4] },
      { a: [9, 2] },
      [
        { op: "remove", path: "/a/3" },
        { op: "remove", path: "/a/2" },
        { op: "replace", path: "/a/0", value: 9 },
      ],
    ],
    [
      "more items",
      { a: [[]] },
      { a: [[1], 2] },
      [
        { op: "add", path: "/a/0/0", value: 1 },
        { op: "add", path: "/a/1", value: 2 },
      ],
    ],
  ])("is %s", (_name, from, to, patch) => {
    expect(diff(from, to)).toEqual(patch);
  });

  it("is of values as they are written: 1.0 is not 1", () => {
    expect(diffJson('{"a":1}', '{"a":1.0}', BOUNDS)).toBe('[{"op":"replace","path":"/a","value":1.0}]');
  });

  it("is refused before it is built when a long key stands in each operation", () => {
    const of = (value: number) =>
      `{"${"k".repeat(5_000_000)}":{${Array.from({ length: 400 }, (_, index) => `"m${index}":${value}`).join(",")}}}`;
    const bounds = { maxOperations: 1_000, maxLength: 4 * 1024 * 1024 };
    expect(() => diffJson(of(1), of(2), bounds)).toThrow(
      expect.objectContaining({ code: "too_large", reason: "diff_too_large" }) as Error,
    );
  });

  it.each([
    ["operations", { maxOperations: 2, maxLength: 1_000 }],
    ["characters", { maxOperations: 10, maxLength: 80 }],
  ])("is refused with too many %s, and says what to do", (what, bounds) => {
    const [from, to] = ['{"a":1,"b":2,"c":3}', '{"a":2,"b":3,"c":4}'];
    expect(() => diffJson(from, to, bounds)).toThrow(
      new RegExp(`more than \\d+ ${what}: fetch both documents and compare them locally`),
    );
    expect(diffJson(from, from, bounds)).toBe("[]");
  });
});
