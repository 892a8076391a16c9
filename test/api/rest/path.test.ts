import { describe, expect, it } from "vitest";
import { parseTarget, restSegmentText, segmentText, splitPath } from "../../../src/api/rest/path.js";

describe("parseTarget", () => {
  it.each([
    ["/v1/x", "/v1/x", ""],
    ["/v1/x?a=b?c", "/v1/x", "a=b?c"],
    ["/?", "/", ""],
    ["http://host:80/v1/x?a", "/v1/x", "a"],
    ["HTTPS://host?a", "", "a"],
    ["//host/v1", "//host/v1", ""],
    ["*", "*", ""],
  ])("%s", (target, path, query) => {
    expect(parseTarget(target)).toEqual({ path, query });
  });

  it.each(["/v1/é", "/v1/a b", "/v1/\u0000", "/v1/x?q=\u00e9"])("refuses %j", (target) => {
    expect(() => parseTarget(target)).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});

describe("splitPath", () => {
  it.each(["/a/%", "/a/%2", "/a/%zz", "/%ff", "/%C0%AF", "/%ED%A0%80", "//%ff"])("refuses %s", (path) => {
    expect(() => splitPath(path)).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  it.each(["", "a", "/", "//", "/a/", "/a//b", "*"])("has no segments of %j", (path) => {
    expect(splitPath(path)).toBeUndefined();
  });

  it("normalizes nothing", () => {
    expect(splitPath("/a/../%2e/b%2Fc")).toEqual(["a", "..", "%2e", "b%2Fc"]);
  });
});

describe("segments", () => {
  it.each([
    ["a", "a", "a"],
    ["%C3%A9", "é", "é"],
    ["a%2Fb", undefined, "a%2Fb"],
    ["a%2fb", undefined, "a%2fb"],
    ["a%252Fb", "a%2Fb", "a%2Fb"],
    ["..", undefined, undefined],
    ["%2E%2e", undefined, undefined],
    ["...", "...", "..."],
    ["%5c", undefined, undefined],
    ["%1f", undefined, undefined],
  ])("%s", (raw, text, rest) => {
    expect(segmentText(raw)).toBe(text);
    expect(restSegmentText(raw)).toBe(rest);
  });
});
