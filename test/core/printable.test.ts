import { describe, expect, it } from "vitest";
import { formatBytes, line, printable, printableLines, invisibleIn } from "../../src/core/printable.js";

describe("a printable text", () => {
  it.each([
    ["plain, with é, 漢字, العربية and \\n as two characters", undefined],
    ["an emoji with its variation selector: ❤️", undefined],
    ["line\nbreak", "line\\u000abreak"],
    ["\r\u0085\u2028\u2029\t", "\\u000d\\u0085\\u2028\\u2029\\u0009"],
    ["\u0000\u001b[2J\u007f\u009b31m", "\\u0000\\u001b[2J\\u007f\\u009b31m"],
    ["\u061c\u200e\u200f\u202a\u202e\u2066\u2069", "\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069"],
    ["\u00ad\u034f\u180e\u200b\u200c\u200d\u2060\ufeff\u3164\u2800", undefined, /^(\\u[0-9a-f]{4}){10}$/],
    ["\ufff9\ufffa\ufffb", "\\ufff9\\ufffa\\ufffb"],
    ["a\ud800b", "a\\ud800b"],
    ["\u{e0041}", "\\udb40\\udc41"],
  ])("of %j", (text, expected = text, pattern = undefined as RegExp | undefined) => {
    if (pattern === undefined) expect(printable(text)).toBe(expected);
    else expect(printable(text)).toMatch(pattern);
    expect(printable(`a${text}`.replaceAll("\n", ""))).toBe(printableLines(`a${text}`.replaceAll("\n", "")));
  });

  it("keeps line breaks where they are its own", () => {
    expect(printableLines("a\nb\r\n")).toBe("a\nb\\u000d\n");
    expect(line`one ${"a\nb"} ${7}\n`).toBe("one a\\u000ab 7\n");
  });

  it("of JSON is the same JSON", () => {
    const value = { "k\u0085": ["\u202e", "\u{e0041}", "\ud800", "\u2028"] };
    expect(JSON.parse(printableLines(JSON.stringify(value)))).toEqual(value);
  });
});

it.each(["\n", "\t", "\u009b", "\u202e", "\u200b", "\u200d", "\ufe0f", "\u2028", "\u{e0041}"])(
  "%j is unseen in a name",
  (char) => {
    expect(invisibleIn(`a${char}b`)).toBe(char);
    expect(invisibleIn("a é b")).toBeUndefined();
  },
);

it.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [150 * 1024 ** 2, "150 MiB"],
  [5000 * 1024 ** 4, "5000 TiB"],
])("%d bytes are %s for a person", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
