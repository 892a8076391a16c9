import { describe, expect, it } from "vitest";
import { compileSchema } from "../../src/policy-schema/compile-schema.js";

const check = (schema: unknown, policies: unknown) => compileSchema(JSON.stringify(schema))(JSON.stringify(policies));
const refusal = (fields: readonly object[]) => expect.objectContaining({ code: "invalid", fields }) as Error;
const at = (field: string, path: readonly string[], msg: RegExp | string, type = "schema") => ({
  ...{ loc: ["body", field, ...path], type },
  msg: typeof msg === "string" ? msg : (expect.stringMatching(msg) as string),
});

const LIMITS = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://example.com/limits",
  type: "object",
  required: ["limit"],
  properties: {
    limit: { type: "integer", minimum: 1 },
    mode: { enum: ["block", "warn"] },
    mail: { format: "email" },
    rules: { type: "array", items: { $ref: "#/$defs/rule" } },
  },
  additionalProperties: false,
  $defs: { rule: { type: "object", properties: { "a/b~c": { type: "string" } } } },
};

describe("a schema", () => {
  it("lets policies pass that fit", () => {
    check(LIMITS, { limit: 3, mode: "warn", mail: "a@example.com", rules: [{ "a/b~c": "x" }] });
    check({}, { anything: 1 });
    // Unknown keywords and formats are annotations.
    check({ "x-owner": "trust", format: "fancy" }, {});
  });

  it.each([
    [{}, [at("policies", [], /required property 'limit'/)]],
    [{ limit: 0 }, [at("policies", ["limit"], "must be >= 1")]],
    [{ limit: 1.5 }, [at("policies", ["limit"], "must be integer")]],
    [{ limit: 1, mode: "off" }, [at("policies", ["mode"], 'must be one of "block", "warn"')]],
    [{ limit: 1, mail: "nobody" }, [at("policies", ["mail"], /format "email"/)]],
    [{ limit: 1, surprise: 2 }, [at("policies", ["surprise"], "is not a property that the schema knows")]],
    [{ limit: 1, rules: [{}, { "a/b~c": 1 }] }, [at("policies", ["rules", "1", "a/b~c"], "must be string")]],
    [{ limit: 0, mode: 1 }, [at("policies", ["limit"], "must be >= 1"), at("policies", ["mode"], /must be one of/)]],
  ])("names the fields of %j that do not fit", (policies, fields) => {
    expect(() => check(LIMITS, policies)).toThrow(refusal(fields));
  });

  it("names the first twenty", () => {
    const policies = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, n]));
    expect(() => check({ additionalProperties: false }, policies)).toThrow(
      expect.objectContaining({ fields: expect.objectContaining({ length: 20 }) as unknown }) as Error,
    );
  });

  it.each<[string, unknown, object]>([
    ["no object", [1], at("schema", [], "must be an object", "type")],
    [
      "a wrong keyword",
      { properties: { a: { minimum: "1" } } },
      at("schema", ["properties", "a", "minimum"], /number/),
    ],
    ["a broken pattern", { pattern: "(" }, at("schema", ["pattern"], /Invalid regular expression/)],
    [
      "another draft",
      { $schema: "http://json-schema.org/draft-07/schema#" },
      at("schema", ["$schema"], /2020-12/, "value"),
    ],
    ["a promise", { $async: true }, at("schema", ["$async"], /not a keyword/, "value")],
    [
      "a remote reference",
      { properties: { a: { $ref: "https://example.com/other.json" } } },
      at("schema", ["properties", "a", "$ref"], /https:\/\/example.com\/other.json, which is not in/, "reference"),
    ],
    [
      "a file",
      { $id: "https://example.com/base", items: { $ref: "file:///etc/passwd" } },
      at("schema", ["items", "$ref"], /nothing is loaded/, "reference"),
    ],
    [
      "a reference to nothing",
      { items: { $ref: "#/$defs/gone" } },
      at("schema", ["items", "$ref"], /gone/, "reference"),
    ],
  ])("is refused with %s, and its path is named", (_name, schema, field) => {
    expect(() => compileSchema(JSON.stringify(schema))).toThrow(refusal([field]));
  });

  it("of more than 64 levels is refused, and so is one that JSON would change", () => {
    const deep = `${'{"items":'.repeat(65)}{}${"}".repeat(65)}`;
    expect(() => compileSchema(deep)).toThrow(expect.objectContaining({ code: "invalid" }) as Error);
    expect(() => compileSchema('{"type":"object","type":"array"}')).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ type: "duplicate_key" })] }) as Error,
    );
    expect(() => compileSchema("{")).toThrow(expect.objectContaining({ code: "malformed" }) as Error);
    compileSchema(`${'{"items":'.repeat(62)}{}${"}".repeat(62)}`);
  });

  it("that refers to itself checks what has an end, and is refused for what has none", () => {
    const tree = { type: "object", properties: { child: { $ref: "#" } }, additionalProperties: false };
    check(tree, { child: { child: {} } });
    expect(() => check(tree, { child: { child: { x: 1 } } })).toThrow(
      refusal([at("policies", ["child", "child", "x"], /not a property/)]),
    );
    expect(() => check({ $ref: "#" }, {})).toThrow(refusal([at("policies", [], /without end/)]));
    const circle = { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" };
    expect(() => compileSchema(JSON.stringify(circle))).toThrow(
      refusal([at("schema", [], "refers to itself without end", "reference")]),
    );
  });
});
