import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endOfValue, findValue, segmentsOf } from "../../../src/console/text/find-value.js";
import { formatJson } from "../../../src/console/text/format-json.js";

describe("finding a value", () => {
  it("finds every value of any document by its path", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (document) => {
        const compact = JSON.stringify(document);
        for (const text of [compact, formatJson(compact)]) {
          for (const [path, value] of valuesOf(JSON.parse(compact) as unknown)) {
            const start = findValue(text, path)?.start ?? -1;
            expect(JSON.parse(text.slice(start, endOfValue(text, start)))).toEqual(value);
          }
        }
      }),
    );
  });

  it("finds the second of two members with one key, and nothing that is not there", () => {
    const text = '{"a": 1, "b": [true], "a": 2}';
    expect(findValue(text, ["a"], 2)?.start).toBe(text.lastIndexOf("2"));
    expect(findValue(text, ["a"], 3)).toBeUndefined();
    expect(findValue(text, ["b", "1"])).toBeUndefined();
    expect(findValue(text, ["b", "0", "x"])).toBeUndefined();
  });

  it("reads pointers", () => {
    expect(segmentsOf("/a~1b/~0/0")).toEqual(["a/b", "~", "0"]);
    expect(segmentsOf("")).toEqual([]);
  });
});

function* valuesOf(value: unknown, path: readonly string[] = []): Generator<[readonly string[], unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* valuesOf(member, [...path, key]);
}
