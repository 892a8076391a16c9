import { describe, expect, it } from "vitest";
import { structuredText } from "../../../src/bundle/opa/structured-json.js";

describe("the form in which OPA hashes structured files", () => {
  it.each([
    [
      "keys by their UTF-8 bytes",
      '{"😀": 1, "\uffee": 2, "b": 3, "a": 4, "10": 5, "9": 6}',
      '{"10":5,"9":6,"a":4,"b":3,"\uffee":2,"😀":1}',
    ],
    ["in every object", '[{"b": {"d": 1, "c": 2}, "a": []}]', '[{"a":[],"b":{"c":2,"d":1}}]'],
    [
      "numbers verbatim",
      "[1.0, 1e2, 1E+05, -0, -0.0, 990000000262240065, 0.1000]",
      "[1.0,1e2,1E+05,-0,-0.0,990000000262240065,0.1000]",
    ],
    ["raw UTF-8", '["\\u00e9\\ud83d\\ude00", "\\u007f"]', '["é😀","\u007f"]'],
    ["U+2028 and U+2029 escaped", '["a\u2028b\\u2029", {"\u2028": 1}]', '["a\\u2028b\\u2029",{"\\u2028":1}]'],
    ["nothing escaped for HTML", '["<a href=\\u0022x\\u0022>&\\/</a>"]', '["<a href=\\"x\\">&/</a>"]'],
    [
      "short escapes, other controls by their number",
      '["\\u0008\\u000c\\u000a\\u000d\\u0009\\u0022\\u005c\\u0000\\u001F\\u000b"]',
      '["\\b\\f\\n\\r\\t\\"\\\\\\u0000\\u001f\\u000b"]',
    ],
  ])("%s", (_name, text, printed) => {
    expect(structuredText(text)).toBe(printed);
    expect(structuredText(printed)).toBe(printed);
  });

  it("takes the canonical text of a content, which is ASCII", () => {
    expect(structuredText('{"policies":{"\\u2028":"\\ud83d\\ude00\\u007f"},"scope_policies":{}}')).toBe(
      '{"policies":{"\\u2028":"😀\u007f"},"scope_policies":{}}',
    );
  });
});
