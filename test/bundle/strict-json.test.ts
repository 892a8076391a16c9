import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonBounds, JsonShape } from "../../src/bundle/json-bounds.js";
import { scanStrictJson } from "../../src/bundle/strict-json.js";
import { AppError } from "../../src/core/error.js";

function refusal(text: string, options?: Parameters<typeof scanStrictJson>[1]): AppError {
  try {
    scanStrictJson(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return error as AppError;
  }
  throw new Error(`accepted: ${text.slice(0, 80)}`);
}

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

const accepted: [what: string, text: string][] = [
  ["2^53", "9007199254740992"],
  ["-2^53", "-9007199254740992"],
  ["10^20", "100000000000000000000"],
  ["10^21", "1000000000000000000000"],
  ["minus zero", "-0"],
  ["a zero with an exponent", "0e5"],
  ["a zero with many digits", "0.0000000000000000"],
  ["a zero with a huge exponent", "-0.0E-999"],
  ["a decimal that rounds", "0.1234567890123456789012345"],
  ["an integer with an exponent that rounds", "9007199254740993e0"],
  ["the largest double", "1.7976931348623157e308"],
  ["the smallest double", "5e-324"],
  ["15 digits", "123456789012345"],
  ["16 digits", "1234567890123456"],
  ["a surrogate pair, raw", '"😀"'],
  ["a surrogate pair, escaped", '"\\ud83d\\uDE00"'],
  ["a surrogate pair, half escaped", `"\ud83d\\ude00"`],
  ["the same key in two objects", '{"a":{"a":1},"b":{"a":1}}'],
  ["keys of an object's prototype", '{"constructor":1,"toString":2,"hasOwnProperty":3}'],
  ["a key like __proto__", '{"__proto":1,"_proto_":2}'],
  ["a value __proto__", '"__proto__"'],
  ["every escape", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000"'],
  ["every white space", ' \t\n\r{ "a" : [ 1 , 2 ] } \t\n\r'],
  ["DEL and U+2028", '"\u007f\u2028"'],
  ["an empty key", '{"":1}'],
  ["64 arrays", nested(64)],
  ["a scalar in 64 arrays", "[".repeat(64) + "1" + "]".repeat(64)],
];

const invalid: [what: string, text: string, type: string, path: string[]][] = [
  ["a duplicate key", '{"a":1,"a":2}', "duplicate_key", ["a"]],
  ["a duplicate that is escaped", '{"a":1,"\\u0061":2}', "duplicate_key", ["a"]],
  ["a duplicate, both escaped", '{"\\n":1,"\\u000a":2}', "duplicate_key", ["\n"]],
  ["a duplicate empty key", '{"":1,"":2}', "duplicate_key", [""]],
  ["a duplicate index", '{"7":1,"7":2}', "duplicate_key", ["7"]],
  ["a duplicate after a nested object", '{"a":{"b":1},"c":2,"a":3}', "duplicate_key", ["a"]],
  ["a duplicate deep inside", '{"p":[{},{"q":{"x":1,"y":2,"x":3}}]}', "duplicate_key", ["p", "1", "q", "x"]],
  ["__proto__", '{"a":{"__proto__":{}}}', "prototype_key", ["a", "__proto__"]],
  ["__proto__ with escapes", '{"\\u005f_proto\\u005F_":1}', "prototype_key", ["__proto__"]],
  ["a lone high surrogate", '["\ud83d"]', "lone_surrogate", ["0"]],
  ["a lone low surrogate", '["a","\ude00"]', "lone_surrogate", ["1"]],
  ["a lone high surrogate, escaped", '{"a":"\\ud83d"}', "lone_surrogate", ["a"]],
  ["a lone high surrogate before text", '{"a":"\\ud83dx"}', "lone_surrogate", ["a"]],
  ["two high surrogates", '"\\ud83d\\ud83d\\ude00"', "lone_surrogate", []],
  ["a pair the wrong way", '"\\ude00\\ud83d"', "lone_surrogate", []],
  ["a high surrogate and an escape", '"\\ud83d\\n"', "lone_surrogate", []],
  ["a lone surrogate in a key", '{"x":{"k\\ud83d":1}}', "lone_surrogate", ["x", "k\ufffd"]],
  ["1e400", '{"a":[1e400]}', "number_overflow", ["a", "0"]],
  ["-1e400", "-1e400", "number_overflow", []],
  ["400 digits", `[${"9".repeat(400)}]`, "number_overflow", ["0"]],
  ["1e-400", '{"a":1e-400}', "number_underflow", ["a"]],
  ["-0.0001E-400", "[0,-0.0001E-400]", "number_underflow", ["1"]],
  ["a long decimal that vanishes", `0.${"0".repeat(400)}1`, "number_underflow", []],
  ["2^53 + 1", '{"a":9007199254740993}', "integer_precision", ["a"]],
  ["-(2^53 + 1)", "-9007199254740993", "integer_precision", []],
  ["2^60, printed as …847000", "1152921504606846976", "integer_precision", []],
  ["10^20 + 1", "100000000000000000001", "integer_precision", []],
  ["65 arrays", nested(65), "depth", Array<string>(64).fill("0")],
  ["65 objects", '{"a":'.repeat(64) + "{}" + "}".repeat(64), "depth", Array<string>(64).fill("a")],
];

const malformed: [what: string, text: string][] = [
  ["nothing", ""],
  ["white space", " \n"],
  ["a byte order mark", "\ufeff{}"],
  ["a no-break space", "\u00a0{}"],
  ["two values", "1 2"],
  ["a trailing comma in an object", '{"a":1,}'],
  ["a trailing comma in an array", "[1,]"],
  ["a leading comma", "[,1]"],
  ["no comma", "[1 2]"],
  ["no colon", '{"a" 1}'],
  ["no value", '{"a":}'],
  ["no key", "{1:2}"],
  ["single quotes", "{'a':1}"],
  ["a comment", "[1/**/]"],
  ["an open array", "[1"],
  ["an open object", '{"a":1'],
  ["the wrong bracket", "[1}"],
  ["the wrong brace", '{"a":1]'],
  ["a closing bracket too many", "[]]"],
  ["an open string", '"abc'],
  ["an open escape", '"abc\\'],
  ["an unknown escape", '"\\x41"'],
  ["a short \\u", '"\\u12"'],
  ["a \\u that is no hex", '"\\u12g4"'],
  ["a line feed in a string", '"a\nb"'],
  ["a NUL in a key", '{"a\0":1}'],
  ["NaN", "NaN"],
  ["Infinity", "-Infinity"],
  ["undefined", "[undefined]"],
  ["a literal in capitals", "True"],
  ["a literal with a tail", "nullx"],
  ["a leading zero", "01"],
  ["a leading plus", "+1"],
  ["a bare minus", "-"],
  ["a point without digits", "1."],
  ["a point without integer", ".5"],
  ["an exponent without digits", "1e+"],
  ["a number with a tail", "12abc"],
  ["hex", "0x10"],
];

describe("strict JSON", () => {
  it.each(accepted)("takes %s", (_, text) => {
    expect(() => scanStrictJson(text)).not.toThrow();
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it.each(invalid)("refuses %s", (_, text, type, path) => {
    const error = refusal(text);
    expect(error.code).toBe("invalid");
    expect(error.fields).toHaveLength(1);
    expect(error.fields[0]).toMatchObject({ type, loc: ["body", ...path] });
    // What makes the scan necessary: JSON.parse says nothing.
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it.each(malformed)("calls %s malformed", (_, text) => {
    const error = refusal(text);
    expect(error.code).toBe("malformed");
    expect(error.fields).toEqual([]);
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });

  it("says where a malformed text breaks", () => {
    expect(refusal('{\n  "a": 1,\n  "b": x\n}').message).toContain("line 3, column 8, offset 19");
    expect(refusal("[1,").message).toMatch(/the text ends.*line 1, column 4, offset 3/);
  });

  it("starts the path with the caller's base", () => {
    expect(refusal('{"a":1,"a":1}', { base: ["document", "policies"] }).fields[0]?.loc).toEqual([
      "document",
      "policies",
      "a",
    ]);
  });

  it("allows as many levels as it is told", () => {
    expect(() => scanStrictJson(nested(65), { maxDepth: 65 })).not.toThrow();
    expect(refusal(nested(66), { maxDepth: 65 }).fields[0]?.type).toBe("depth");
    expect(() => scanStrictJson("1", { maxDepth: 0 })).not.toThrow();
    expect(refusal("{}", { maxDepth: 0 }).fields[0]?.type).toBe("depth");
  });

  it.each([10_000, 5_000_000])("answers %i brackets without a stack overflow", (count) => {
    expect(refusal("[".repeat(count)).fields[0]?.type).toBe("depth");
    expect(refusal('{"a":'.repeat(count)).fields[0]?.type).toBe("depth");
    expect(() => scanStrictJson(nested(count), { maxDepth: count })).not.toThrow();
  });

  it("does not repeat a key of any length in its error", () => {
    const key = "k".repeat(100_000);
    const error = refusal(`{"${key}":1,"${key}":2}`);
    expect(error.fields[0]?.type).toBe("duplicate_key");
    expect(JSON.stringify([error.message, error.fields]).length).toBeLessThan(2_000);
  });

  it("gives kind and spans", () => {
    const text = ' { "a" : {"x":[1,{"y":2}]} , "\\u0062":"t" ,"n": 1.5e3\n, "e":[] } ';
    const { kind, spans } = scanStrictJson(text);
    expect(kind).toBe("object");
    const slices = [...spans].map(([key, { start, end }]) => [key, text.slice(start, end)]);
    expect(slices).toEqual([
      ["a", '{"x":[1,{"y":2}]}'],
      ["b", '"t"'],
      ["n", "1.5e3"],
      ["e", "[]"],
    ]);
  });

  it.each([
    ['[{"a":1}]', "array"],
    ['"x"', "string"],
    ["-1", "number"],
    ["true", "boolean"],
    ["false", "boolean"],
    ["null", "null"],
    ["{}", "object"],
  ])("calls %s %s and gives no spans", (text, kind) => {
    expect(scanStrictJson(text)).toEqual({ kind, spans: new Map() });
  });

  it("takes whatever JSON.stringify prints, and its spans cover the values", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 8 }), fc.nat(3), (value, indent) => {
        fc.pre(!JSON.stringify(value).includes("__proto__"));
        const text = JSON.stringify(value, null, indent);
        const { spans } = scanStrictJson(text);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        expect(spans.size).toBe(isObject ? Object.keys(value).length : 0);
        for (const [key, { start, end }] of spans) {
          expect(JSON.parse(text.slice(start, end))).toEqual((JSON.parse(text) as Record<string, unknown>)[key]);
        }
      }),
    );
  });

  it("calls a damaged text malformed exactly when JSON.parse refuses it", () => {
    const damage = fc.record({
      at: fc.nat(),
      cut: fc.nat(2),
      put: fc.constantFrom("", '"', ",", "}", "]", "{", "[", ":", "\\", "0", "-", ".", "e", "x", " ", "\n"),
    });
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.array(damage, { minLength: 1, maxLength: 3 }), (value, damages) => {
        let text = JSON.stringify(value);
        for (const { at, cut, put } of damages) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + put + text.slice(from + cut);
        }
        expect(scanVerdict(text)).toBe(parseVerdict(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

/** A text that is JSON but `invalid` is no matter of the grammar. */
function scanVerdict(text: string): string {
  try {
    scanStrictJson(text);
    return "json";
  } catch (error) {
    // The first flaw decides, so a text that is invalid may be malformed further on.
    return (error as AppError).code === "malformed" ? "malformed" : parseVerdict(text);
  }
}

function parseVerdict(text: string): string {
  try {
    JSON.parse(text);
    return "json";
  } catch {
    return "malformed";
  }
}

describe("bounds", () => {
  const text: JsonShape = {};
  const bounds: JsonBounds = {
    maxValues: 20,
    shape: {
      members: new Map<string, JsonShape>([
        ["list", { maxItems: 3, items: text }],
        ["map", { maxItems: 2, items: { members: new Map([["inner", { maxItems: 1 }]]) } }],
        ["raw", { isRaw: true }],
      ]),
    },
  };
  const many = (count: number) => Array<number>(count).fill(1).join();

  it.each([
    ["the lists that there may be", '{"list": [1, 2, 3], "map": {"a": {"inner": [1]}, "b": 2}}'],
    ["anything in a raw value", `{"raw": [${many(1_000)}]}`],
    ["anything in an object in a raw value", `{"raw": {"list": [${many(1_000)}]}}`],
    ["a list of an unknown member", `{"other": [${many(19)}]}`],
  ])("let %s pass", (_what, json) => {
    expect(() => scanStrictJson(json, { bounds })).not.toThrow();
  });

  it.each([
    ["a list", '{"list": [1, 2, 3, 4]}', "body.list"],
    ["a list of empty objects", '{"list": [{}, {}, {}, {}]}', "body.list"],
    ["a map", '{"map": {"a": 1, "b": 2, "c": 3}}', "body.map"],
    ["a list inside of a map", '{"map": {"a": {"inner": [1, 2]}}}', "body.map.a.inner"],
    ["all values", `{"other": [${many(20)}]}`, "body.other"],
    ["all values of several lists", `{"x": [${many(9)}], "y": [${many(10)}]}`, "body.y"],
    ["unknown members", `{${Array.from({ length: 21 }, (_, index) => `"k${index}": 1`).join()}}`, "body"],
  ])("refuse what is beyond those of %s", (_what, json, where) => {
    const [field] = refusal(json, { bounds }).fields;
    expect(field).toMatchObject({ loc: where.split("."), type: "too_many" });
  });

  it("count nothing in a text that is raw", () => {
    const raw = { shape: { isRaw: true }, maxValues: 1 };
    expect(() => scanStrictJson(`[${many(100)}]`, { bounds: raw })).not.toThrow();
  });

  it("go to a thread and back", () => {
    const copy = structuredClone(bounds);
    expect(refusal('{"list": [1, 2, 3, 4]}', { bounds: copy }).fields[0]?.type).toBe("too_many");
  });
});
