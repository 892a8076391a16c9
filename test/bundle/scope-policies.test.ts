import { describe, expect, it } from "vitest";
import {
  formatScopePolicies,
  namesEnvironment,
  readScopePolicies,
  rewriteScopePolicies,
  type ScopePolicies,
} from "../../src/bundle/scope-policies.js";
import type { AppError } from "../../src/core/error.js";
import { type FieldError } from "../../src/core/error.js";

function refused(call: () => unknown): readonly FieldError[] {
  try {
    call();
  } catch (error) {
    expect((error as AppError).code).toBe("invalid");
    return (error as AppError).fields;
  }
  throw new Error("accepted");
}

const at = (key: string) => ["body", "scope_policies", key];

const scopes = (...keys: string[]): ScopePolicies => new Map(keys.map((key, n) => [key, `{"n":${n}.0}`]));

describe("the keys of scope_policies", () => {
  it("have exactly four parts", () => {
    expect(readScopePolicies("{}").size).toBe(0);
    const text = '{"a:b:c:dev":{ "x": 1.0 },"*:*:*:*":{},":::":{}}';
    expect([...readScopePolicies(text)]).toEqual([
      ["a:b:c:dev", '{ "x": 1.0 }'],
      ["*:*:*:*", "{}"],
      [":::", "{}"],
    ]);
    expect(formatScopePolicies(readScopePolicies(text))).toBe(text);
  });

  it("are all named when refused", () => {
    const fields = refused(() => readScopePolicies('{"a:b:c":{},"a:b:c:d":{},"a:b:c:d:e":{},"":{},"x:x:x:x":[]}'));
    expect(fields.map(({ loc, type }) => [loc, type])).toEqual([
      [at("a:b:c"), "scope_key"],
      [at("a:b:c:d:e"), "scope_key"],
      [at(""), "scope_key"],
      [at("x:x:x:x"), "type"],
    ]);
  });

  it.each(["null", "[]", '"x"', "1"])("cannot be in %s", (text) => {
    expect(refused(() => readScopePolicies(text))).toMatchObject([{ loc: ["body", "scope_policies"], type: "type" }]);
  });

  it("lose nothing", () => {
    expect(refused(() => readScopePolicies('{"a:b:c:d":{"x":1,"x":2}}'))).toMatchObject([
      { loc: [...at("a:b:c:d"), "x"], type: "duplicate_key" },
    ]);
  });
});

describe("promotion's rewrite", () => {
  it("names the target where the env part names the source, and keeps order, policies and the rest", () => {
    const before = scopes("t:*:*:dev", "dev:dev:dev:*", "a:b:c:prod", "a:b:c:dev");
    const after = rewriteScopePolicies(before, "dev", "staging");
    expect(formatScopePolicies(after)).toBe(
      '{"t:*:*:staging":{"n":0.0},"dev:dev:dev:*":{"n":1.0},"a:b:c:prod":{"n":2.0},"a:b:c:staging":{"n":3.0}}',
    );
    expect([...before.keys()]).toEqual(["t:*:*:dev", "dev:dev:dev:*", "a:b:c:prod", "a:b:c:dev"]);
  });

  it("refuses two keys that become one, in either order", () => {
    for (const before of [scopes("a:b:c:dev", "a:b:c:prod"), scopes("a:b:c:prod", "a:b:c:dev")]) {
      expect(refused(() => rewriteScopePolicies(before, "dev", "prod"))).toMatchObject([
        { loc: at("a:b:c:dev"), type: "scope_collision" },
      ]);
      expect(() => rewriteScopePolicies(before, "dev", "staging")).not.toThrow();
    }
  });

  it.each(["a:b", "*"])("refuses the target %s, which would change what a key means", (target) => {
    expect(refused(() => rewriteScopePolicies(scopes("a:b:c:dev"), "dev", target))).toMatchObject([
      { type: "scope_key" },
    ]);
    expect(rewriteScopePolicies(scopes("a:b:c:*"), "dev", target)).toEqual(scopes("a:b:c:*"));
  });

  it("leaves the wildcard alone", () => {
    expect(rewriteScopePolicies(scopes("a:b:c:*"), "*", "prod")).toEqual(scopes("a:b:c:*"));
  });
});

describe("namesEnvironment", () => {
  it.each([
    [[], "dev", false],
    [["t:a:g:dev"], "dev", true],
    [["dev:dev:dev:*"], "dev", false],
    [["t:a:g:*"], "*", false],
    [["t:a:g:prod", "t:a:g:dev"], "prod", true],
  ])("%j, %s: %s", (keys, environment, names) => {
    expect(namesEnvironment(scopes(...keys), environment)).toBe(names);
  });
});
