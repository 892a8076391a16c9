import { describe, expect, it } from "vitest";
import { formatJson, formatJsonInSlices, sortMembers } from "../../../src/console/text/format-json.js";

const DOCUMENT = `{"a":990000000262240065,"b":[1.0,-0.0,1e-05,{}],"c":{"\\u00e9":"x\\"{}[],:\\n","d":[]},"e":null}`;

describe("formatting", () => {
  it("copies numbers, strings and keys as they are written", () => {
    expect(formatJson(DOCUMENT)).toBe(
      [
        "{",
        '  "a": 990000000262240065,',
        '  "b": [',
        "    1.0,",
        "    -0.0,",
        "    1e-05,",
        "    {}",
        "  ],",
        '  "c": {',
        '    "\\u00e9": "x\\"{}[],:\\n",',
        '    "d": []',
        "  },",
        '  "e": null',
        "}",
      ].join("\n"),
    );
  });

  it.each([DOCUMENT, "{}", "[ ]", '{"a":{"b":{ }}}', "1.0", '"a"', "[true,false,null]"])(
    "changes nothing twice: %s",
    (text) => {
      expect(formatJson(formatJson(text))).toBe(formatJson(text));
    },
  );

  it("is the same in slices, and ends when it is no longer wanted", async () => {
    const long = `[${Array.from({ length: 20_000 }, (_, n) => `{"n":${n}.0,"text":"${"x".repeat(20)}"}`).join(",")}]`;
    expect(await formatJsonInSlices(long, new AbortController().signal)).toBe(formatJson(long));
    const gone = AbortSignal.abort(new Error("gone"));
    await expect(formatJsonInSlices(long.repeat(50), gone)).rejects.toThrow("gone");
  });
});

describe("sorting members", () => {
  it.each([
    [
      '{"b":1.0,"a":{"d":[{"z":1,"y":2}],"c":990000000262240065}}',
      '{"a":{"c":990000000262240065,"d":[{"y":2,"z":1}]},"b":1.0}',
    ],
    ["{}", "{}"],
    ["[]", "[]"],
    ["1.0", "1.0"],
    ['{"10":1,"9":2}', '{"10":1,"9":2}'],
  ])("%s", (text, sorted) => {
    expect(sortMembers(text)).toBe(sorted);
    expect(sortMembers(sorted)).toBe(sorted);
  });
});
