import { describe, expect, it } from "vitest";
import { checkJson, placesOfFields } from "../../../src/console/text/check-json.js";

/** The marked part of the text, and the line and column before it. */
function marked(text: string): string | undefined {
  const found = checkJson(text);
  return found && `${found.line}:${found.column} ${text.slice(found.from, found.to)}`;
}

describe("what the server would refuse", () => {
  it.each([
    ['{"a":1}', undefined],
    ['{\n  "a": 1,\n  "b": {"c": 2},\n  "a": 3\n}', '4:3 "a"'],
    ['{"a":[{"k":1},{"k":1,"k":2}]}', '1:22 "k"'],
    ['{\n "deep": {"n": 9007199254740993}\n}', "2:16 9007199254740993"],
    ['{"n": 1e999}', "1:7 1e999"],
    ['{"s": "\\ud800"}', '1:7 "\\ud800"'],
    ['{"__proto__": 1}', '1:2 "__proto__"'],
    ['{"a": 1,}', "1:9 }"],
    ['{"a": tru}', "1:7 t"],
    ["[1]", "1:1 [1]"],
    ["", "1:1 "],
    ["{", "1:2 "],
  ])("%j", (text, where) => {
    expect(marked(text)).toBe(where);
  });

  it("says what is wrong without the position that is told beside it", () => {
    expect(checkJson('{"a" 1}')?.message).toBe('expected ":"');
    expect(checkJson('{"a":1,"a":2}')?.message).toBe("duplicate key");
  });

  it("marks no more of a long value than a line", () => {
    const found = checkJson(`{"n": ${"9".repeat(5000)}}`);
    expect((found?.to ?? 0) - (found?.from ?? 0)).toBe(200);
  });
});

describe("what the server refused", () => {
  const TEXT = '{\n  "limits": {\n    "rate": "fast",\n    "list": [1, 2]\n  }\n}';

  it.each([
    [["limits", "rate"], "3:13"],
    [["limits", "list", "1"], "4:17"],
    // Of what is missing the object that should have it is marked.
    [["limits", "burst"], "2:3"],
    [[], "1:1"],
  ])("is found by its path: %j", (path, where) => {
    const fields = [{ loc: ["body", "policies", ...path], msg: "must be a number", type: "schema" }];
    const [found] = placesOfFields(TEXT, fields);
    expect(`${found?.line}:${found?.column}`).toBe(where);
  });

  it("leaves out what is not of the text", () => {
    expect(placesOfFields(TEXT, [{ loc: ["body", "title"], msg: "too long", type: "too_long" }])).toEqual([]);
  });
});
