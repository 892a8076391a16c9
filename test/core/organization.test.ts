import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slugify, standardNextStage } from "../../src/core/organization.js";

describe("slugify", () => {
  it.each([
    ["Default", "default"],
    ["My  Project!", "my-project"],
    ["--a--", "a"],
    ["a_b.c", "a-b-c"],
    ["Ⅷ ﬁne", "viii-fine"],
    ["", "unnamed"],
    ["???", "unnamed"],
    ["日本", "unnamed"],
    ["a".repeat(100), "a".repeat(63)],
    [`${"a".repeat(62)} b`, "a".repeat(62)],
  ])("of %j is %j", (name, slug) => {
    expect(slugify(name)).toBe(slug);
  });

  it("is always a lower-case ASCII name of 1 to 63 characters, and its own slug", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (name) => {
        const slug = slugify(name);
        expect(slug).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
        expect(slugify(slug)).toBe(slug);
      }),
    );
  });
});

describe("standardNextStage", () => {
  it.each([
    ["dev", "staging"],
    ["staging", "prod"],
    ["prod", null],
    ["qa", null],
    ["Dev", null],
    ["", null],
    ["constructor", null],
  ])("of %j is %j", (name, next) => {
    expect(standardNextStage(name)).toBe(next);
  });
});
