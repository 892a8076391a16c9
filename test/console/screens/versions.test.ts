import { describe, expect, it } from "vitest";
import { filterOf, picksOf, withPick } from "../../../src/console/screens/versions/filter.js";
import { formatSide, parseSide, sideName } from "../../../src/console/screens/compare/side.js";

describe("the filter of a URL", () => {
  it.each([
    [{}, {}],
    [
      { q: " retries ", label: "team=core", by: "ana", revision: "abc" },
      { text: "retries", label: "team=core", publishedBy: "ana", sourceRevision: "abc" },
    ],
    // While it is typed a label is none.
    [{ label: "team" }, {}],
    [{ label: "=x", q: "" }, {}],
  ])("%j", (query, filter) => {
    expect(filterOf(query)).toEqual(filter);
  });
});

describe("the choice for a comparison", () => {
  it("has two versions, the last ones", () => {
    expect(picksOf("12,9")).toEqual([12, 9]);
    expect(picksOf("1,2,3,3,x,0")).toEqual([2, 3]);
    expect(picksOf(undefined)).toEqual([]);
    expect(withPick([12, 9], 4, true)).toBe("9,4");
    expect(withPick([12, 9], 12, false)).toBe("9");
    expect(withPick([9], 9, false)).toBeUndefined();
  });
});

describe("a side of a comparison", () => {
  it.each([
    ["dev@12", { env: "dev", version: 12 }, "dev v12"],
    ["prod", { env: "prod", version: undefined }, "prod (active)"],
  ])("%s", (text, side, name) => {
    expect(parseSide(text)).toEqual(side);
    expect(formatSide(side)).toBe(text);
    expect(sideName(side)).toBe(name);
  });

  it.each(["", "dev@", "dev@0", "dev@1x", "Dev", "dev@1@2", undefined])("is none: %j", (text) => {
    expect(parseSide(text)).toBeUndefined();
  });
});
