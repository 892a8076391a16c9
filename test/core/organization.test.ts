import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newSlug, slugify, standardNextStage } from "../../src/core/organization.js";

describe("newSlug", () => {
  const id = "0a1b2c3d-0000-4000-8000-000000000000";
  const uuid = "11111111-1111-4111-8111-111111111111";
  it.each([
    ["The Shop", "the-shop"],
    ["Taken", "taken-0a1b2c3d"],
    ["a".repeat(63), "a".repeat(63)],
    [uuid, `${uuid}-0a1b2c3d`],
    [uuid.toUpperCase(), `${uuid}-0a1b2c3d`],
    [`${uuid}!`, `${uuid}-0a1b2c3d`],
  ])("of %j is %j, which is no UUID", async (name, slug) => {
    expect(await newSlug(name, id, async (wanted) => wanted === "taken")).toBe(slug);
  });
});

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
