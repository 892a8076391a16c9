import { describe, expect, it } from "vitest";
import { splitPath } from "../../../src/api/rest/path.js";
import { parseTemplate } from "../../../src/api/rest/template.js";
import { createTrie } from "../../../src/api/rest/trie.js";

function trieOf(...lines: readonly string[]) {
  return createTrie(
    lines.map((line) => {
      const [httpMethod = "", path = ""] = line.split(" ");
      return {
        name: line,
        httpMethod,
        template: parseTemplate(path),
        answersHead: httpMethod === "GET" && !path.endsWith("/watch"),
      };
    }),
  );
}

/** The entry and its values, the allowed methods, or "404". */
function look(trie: ReturnType<typeof trieOf>, line: string): unknown {
  const [httpMethod = "", path = ""] = line.split(" ");
  const segments = splitPath(path);
  const found = segments === undefined ? undefined : trie.find(httpMethod, segments);
  if (found?.kind === "match") return [found.entry.name, Object.fromEntries(found.values)];
  return found?.kind === "other_methods" ? found.allow : "404";
}

describe("createTrie", () => {
  it.each([
    ["GET /v1/{a}", "GET /v1/{b}"],
    ["GET /v1/{a}", "GET /v1/*"],
    ["GET /v1/x", "GET /v1/%78"],
    ["GET /v1/{a=**}", "GET /v1/**"],
    ["GET /v1/{name=x/*}", "GET /v1/x/{id}"],
    ["GET /v1/{a}:go", "GET /v1/{b}:go"],
  ])("does not start with %s beside %s", (first, second) => {
    expect(() => trieOf(first, second)).toThrow(`${second} and ${first} conflict`);
  });

  it.each([
    ["GET /v1/{a}", "POST /v1/{b}"],
    ["GET /v1/{a}", "GET /v1/x"],
    ["GET /v1/{a}", "GET /v1/**"],
    ["GET /v1/{a}", "GET /v1/{a}:go"],
    ["GET /v1/{a}/x", "GET /v1/{b}/y"],
  ])("tells %s from %s", (first, second) => {
    expect(() => trieOf(first, second)).not.toThrow();
  });
});

describe("find", () => {
  const trie = trieOf(
    "GET /v1/bundles/latest",
    "GET /v1/bundles/watch",
    "GET /v1/bundles/{id}",
    "DELETE /v1/bundles/{id}",
    "GET /v1/bundles/{id}/x",
    "POST /v1/bundles/{id}:copy",
    "GET /v1/**",
    "PUT /files/{name=**}",
    "GET /shelves/{name=rows/*}",
  );

  it.each([
    ["GET /v1/bundles/latest", ["GET /v1/bundles/latest", {}]],
    ["GET /v1/bundles/%6Catest", ["GET /v1/bundles/latest", {}]],
    ["GET /v1/bundles/7", ["GET /v1/bundles/{id}", { id: "7" }]],
    ["GET /v1/bundles/a%20b", ["GET /v1/bundles/{id}", { id: "a b" }]],
    ["GET /v1/bundles/a+b", ["GET /v1/bundles/{id}", { id: "a+b" }]],
    ["GET /v1/bundles/%2541", ["GET /v1/bundles/{id}", { id: "%41" }]],
    ["GET /v1/bundles/a:copy", ["GET /v1/bundles/{id}", { id: "a:copy" }]],
    ["POST /v1/bundles/a:copy", ["POST /v1/bundles/{id}:copy", { id: "a" }]],
    ["POST /v1/bundles/a:b:copy", ["POST /v1/bundles/{id}:copy", { id: "a:b" }]],
    // A literal that leads nowhere does not hide the variable, nor what has another method.
    ["GET /v1/bundles/latest/x", ["GET /v1/bundles/{id}/x", { id: "latest" }]],
    ["DELETE /v1/bundles/latest", ["DELETE /v1/bundles/{id}", { id: "latest" }]],
    ["GET /v1/bundles/7/y", ["GET /v1/**", {}]],
    ["GET /v1", ["GET /v1/**", {}]],
    ["HEAD /v1/bundles/latest", ["GET /v1/bundles/latest", {}]],
    ["PUT /files/a/b%2Fc/d%20e", ["PUT /files/{name=**}", { name: "a/b%2Fc/d e" }]],
    ["PUT /files/b%2fc", ["PUT /files/{name=**}", { name: "b%2fc" }]],
    ["PUT /files/%252F", ["PUT /files/{name=**}", { name: "%2F" }]],
    ["PUT /files", ["PUT /files/{name=**}", { name: "" }]],
    ["GET /shelves/rows/3", ["GET /shelves/{name=rows/*}", { name: "rows/3" }]],
    ["PATCH /v1/bundles/latest", ["DELETE", "GET", "HEAD"]],
    ["POST /files/x", ["PUT"]],
    ["HEAD /files/x", ["PUT"]],
    ["GET /v2/bundles/latest", "404"],
    ["GET /shelves/rows", "404"],
    ["GET /shelves/rows/3/4", "404"],
    ["GET /V1/bundles/latest", "404"],
  ])("%s", (line, expected) => {
    expect(look(trie, line)).toEqual(expected);
  });

  it("a stream answers no HEAD", () => {
    const streams = trieOf("GET /v1/bundles/watch");
    expect(look(streams, "HEAD /v1/bundles/watch")).toEqual(["GET"]);
  });

  it.each([
    "GET /v1//bundles",
    "GET //v1/bundles",
    "GET /v1/bundles/",
    "GET /",
    "GET bundles",
    "GET /v1/bundles/..",
    "GET /v1/bundles/.",
    "GET /v1/bundles/%2e%2e",
    "GET /v1/bundles/%2E",
    "GET /v1/bundles/a%00b",
    "GET /v1/bundles/a%0Ab",
    "GET /v1/bundles/a%7Fb",
    "GET /v1/bundles/a%C2%85b",
    "GET /v1/bundles/a%5Cb",
    "PUT /files/..",
    "PUT /files/a/%2e%2e/b",
    "PUT /files/%00",
    "PUT /files/a//b",
  ])("nothing is at %s", (line) => {
    const strict = trieOf("GET /v1/bundles/{id}", "POST /v1/bundles/{id}:copy", "PUT /files/{name=**}");
    expect(look(strict, line)).toBe("404");
  });

  it.each(["POST /v1/bundles/:copy", "POST /v1/bundles/..:copy"])("the verb of %s has nothing to work on", (line) => {
    const strict = trieOf("GET /v1/bundles/{id}", "POST /v1/bundles/{id}:copy");
    expect(look(strict, line)).toEqual(["GET", "HEAD"]);
  });

  it("an encoded slash stays one segment, and is refused as one", () => {
    const strict = trieOf("GET /v1/bundles/{id}", "GET /v1/bundles/{id}/x");
    expect(look(strict, "GET /v1/bundles/a%2Fx")).toBe("404");
    expect(look(strict, "GET /v1/bundles/..%2Fx")).toBe("404");
  });
});
