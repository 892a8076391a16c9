import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/bundle/canonical-json.js";
import {
  namesEnvironment,
  rewriteScopePolicies,
  validateScopePolicies,
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

describe("the keys of scope_policies", () => {
  it("have exactly four parts", () => {
    expect(() => validateScopePolicies({})).not.toThrow();
    expect(() => validateScopePolicies({ "a:b:c:dev": {}, "*:*:*:*": {}, ":::": {} })).not.toThrow();
  });

  it("are all named when refused", () => {
    const fields = refused(() =>
      validateScopePolicies({ "a:b:c": {}, "a:b:c:d": {}, "a:b:c:d:e": {}, "": {}, "x:x:x:x": [] }),
    );
    expect(fields.map(({ loc, type }) => [loc, type])).toEqual([
      [at("a:b:c"), "scope_key"],
      [at("a:b:c:d:e"), "scope_key"],
      [at(""), "scope_key"],
      [at("x:x:x:x"), "type"],
    ]);
  });

  it.each([[null], [[]], ["x"], [1], [undefined]])("cannot be in %j", (value) => {
    expect(refused(() => validateScopePolicies(value))).toMatchObject([
      { loc: ["body", "scope_policies"], type: "type" },
    ]);
  });
});

describe("promotion's rewrite", () => {
  const policy = (n: number): JsonObject => ({ n });

  it("names the target where the env part names the source, and keeps order, policies and the rest", () => {
    const before = {
      "t:*:*:dev": policy(1),
      "dev:dev:dev:*": policy(2),
      "a:b:c:prod": policy(3),
      "a:b:c:dev": policy(4),
    };
    const after = rewriteScopePolicies(before, "dev", "staging");
    expect(Object.entries(after)).toEqual([
      ["t:*:*:staging", policy(1)],
      ["dev:dev:dev:*", policy(2)],
      ["a:b:c:prod", policy(3)],
      ["a:b:c:staging", policy(4)],
    ]);
    expect(Object.keys(before)).toEqual(["t:*:*:dev", "dev:dev:dev:*", "a:b:c:prod", "a:b:c:dev"]);
  });

  it("refuses two keys that become one, in either order", () => {
    for (const keys of [
      ["a:b:c:dev", "a:b:c:prod"],
      ["a:b:c:prod", "a:b:c:dev"],
    ]) {
      const before = Object.fromEntries(keys.map((key) => [key, {}]));
      expect(refused(() => rewriteScopePolicies(before, "dev", "prod"))).toMatchObject([
        { loc: at("a:b:c:dev"), type: "scope_collision" },
      ]);
      expect(() => rewriteScopePolicies(before, "dev", "staging")).not.toThrow();
    }
  });

  it.each(["a:b", "*"])("refuses the target %s, which would change what a key means", (target) => {
    expect(refused(() => rewriteScopePolicies({ "a:b:c:dev": {} }, "dev", target))).toMatchObject([
      { type: "scope_key" },
    ]);
    expect(rewriteScopePolicies({ "a:b:c:*": {} }, "dev", target)).toEqual({ "a:b:c:*": {} });
  });

  it("leaves the wildcard and the prototype alone", () => {
    expect(rewriteScopePolicies({ "a:b:c:*": {} }, "*", "prod")).toEqual({ "a:b:c:*": {} });
    const tricky = JSON.parse('{"__proto__":{"polluted":true}}') as Record<string, JsonObject>;
    const after = rewriteScopePolicies(tricky, "dev", "prod");
    expect(Object.hasOwn(after, "__proto__")).toBe(true);
    expect("polluted" in after).toBe(false);
  });
});

describe("namesEnvironment", () => {
  it.each([
    [{}, "dev", false],
    [{ "t:a:g:dev": {} }, "dev", true],
    [{ "dev:dev:dev:*": {} }, "dev", false],
    [{ "t:a:g:*": {} }, "*", false],
    [{ "t:a:g:prod": {}, "t:a:g:dev": {} }, "prod", true],
  ])("%j, %s: %s", (scopePolicies, environment, names) => {
    expect(namesEnvironment(scopePolicies as ScopePolicies, environment)).toBe(names);
  });
});
