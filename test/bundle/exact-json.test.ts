import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExactJson, printExactJson } from "../../src/bundle/exact-json.js";
import { servedText } from "../../src/bundle/served-text.js";

describe("exact JSON", () => {
  it.each([
    '{"a":1,"b":1.0,"c":-0.0,"d":1e-05,"e":1e+21,"f":1000000000000000000000,"g":0.1,"h":100000000000000000.5}',
    '["\\\\ud8001.0","\\"\\\\ud8001.0","a\\\\\\\\ud800","","\\n",null,true,[],{}]',
    "1.0",
    '"1.0"',
  ])("prints %s as it was read", (text) => {
    expect(printExactJson(parseExactJson(text))).toBe(servedText(text));
  });

  it("tells the integer from the float, and not one spelling from another", () => {
    expect(parseExactJson("1")).not.toEqual(parseExactJson("1.0"));
    expect(parseExactJson("0.00001")).toEqual(parseExactJson("1e-05"));
    expect(parseExactJson("1e2")).toEqual(parseExactJson("100.0"));
    expect(parseExactJson("-0")).toEqual(parseExactJson("0"));
    expect(parseExactJson("[1,0.5,-12.25]")).toEqual([1, 0.5, -12.25]);
  });

  it("indents", () => {
    expect(printExactJson(parseExactJson('{"a":[1.0,{}],"b":[]}'), 2)).toBe(
      '{\n  "a": [\n    1.0,\n    {}\n  ],\n  "b": []\n}',
    );
  });

  it("is JSON for values without such numbers", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes("__proto__"));
        expect(JSON.parse(printExactJson(parseExactJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });
});
