import { describe, expect, it } from "vitest";
import { parseContent } from "../../../src/sdk/runtime/parsed-content.js";
import { sha256 } from "../../vectors/make/objects.js";

/** Parses `{"policies": …, "scope_policies": {}}`, whose bytes are Latin-1 in `policies`. */
function parse(policies: string, before = "") {
  const bytes = new Uint8Array(Buffer.from(`${before}{"policies":${policies},"scope_policies":{}}`, "latin1"));
  return parseContent(bytes, sha256(bytes));
}

describe("content", () => {
  it.each([
    ["is no UTF-8", '{"a":"\xff"}', ""],
    ["begins with a byte order mark", "{}", "\xef\xbb\xbf"],
    ["has a key twice", '{"a":{"b":1,"b":2}}', ""],
    ["has a key twice, once in escapes", '{"a":1,"\\u0061":2}', ""],
    ["has half a surrogate pair", '{"a":"\\ud800"}', ""],
    ["has the key __proto__", '{"__proto__":{}}', ""],
    ["is nested too deep", `${'{"a":'.repeat(128)}1${"}".repeat(128)}`, ""],
    ["has more behind it", "{}}", ""],
  ])("is refused when it %s", (_, policies, before) => {
    expect(() => parse(policies, before)).toThrow(expect.objectContaining({ code: "malformed" }) as Error);
  });

  it("may have numbers of any size, and all that JSON has", () => {
    const { policies } = parse('{"a":990000000262240065,"b":1e400,"c":"\\ud83d\\ude00","d":[null,true,-0.0]}');
    expect(policies).toMatchObject({ b: Infinity, c: "\u{1f600}" });
    expect(() => parse(`${'{"a":'.repeat(127)}1${"}".repeat(127)}`)).not.toThrow();
  });
});
