import { describe, expect, it } from "vitest";
import { parseOpaPolicies, readOpaPolicies } from "../../../src/bundle/opa/opa-policies.js";
import { isInRoots, rootTree } from "../../../src/bundle/opa/opa-paths.js";
import { AppError } from "../../../src/core/error.js";
import { yamlOrProblem } from "../../../src/yaml/yaml-or-problem.js";

const parse = (policies: unknown) =>
  parseOpaPolicies(typeof policies === "string" ? policies : JSON.stringify(policies), { readYaml: yamlOrProblem });

const problems = (policies: unknown) => {
  try {
    parse(policies);
  } catch (thrown) {
    if (thrown instanceof AppError)
      return thrown.fields.map(({ loc, msg, type }) => `${loc.slice(2).join(" > ")}: ${msg} (${type})`);
    throw thrown;
  }
  return [];
};

const REGO = "package authz\n\nallow := true\n";

describe("policies of kind OPA", () => {
  it("are files, the roots that they own, and a version of Rego", () => {
    const files = {
      "authz/policy.rego": REGO,
      "authz/roles/data.json": '{"admin": [9007199254740993, 1.0, 1e999]}',
      "limits/data.yaml": "eu: 3\n",
      "grüße/ü.rego": 'package limits["x/y"]',
    };
    const parsed = parse({ files, roots: ["authz", "limits"], rego_version: 0 });
    expect(parsed).toEqual({ files: new Map(Object.entries(files)), roots: ["authz", "limits"], regoVersion: 0 });
  });

  it("own all of data, in the newest version, unless they say otherwise", () => {
    const policies = { files: { "p.rego": "package anything" } };
    expect(parse(policies)).toMatchObject({ roots: [""], regoVersion: 1 });
    expect(readOpaPolicies(JSON.stringify(policies))).toEqual(parse(policies));
  });

  it.each([
    ["/abs.rego", "must not be absolute: leave the leading slash out"],
    ["../up.rego", 'must not have "." or ".." as a name'],
    ["a/../b.rego", 'must not have "." or ".." as a name'],
    ["./b.rego", 'must not have "." or ".." as a name'],
    ["a//b.rego", "must not have an empty name between slashes, nor end in a slash"],
    ["a/b.rego/", "must not have an empty name between slashes, nor end in a slash"],
    ["", "must be the path of a file"],
    ["a\\b.rego", "must not have a backslash: separate folders by /"],
    ["a\nb.rego", "must not have control characters"],
    ["a/100%.rego", "must not have a percent sign, from which OPA reads an escape"],
    ["a/%62/data.json", "must not have a percent sign, from which OPA reads an escape"],
    [".hidden/p.rego", "must not have a name that begins with a dot"],
    ["a/.p.rego", "must not have a name that begins with a dot"],
    ["a/.rego", "must not have a name that begins with a dot"],
    [".manifest", "is a file that the server writes itself: leave it out"],
    ["a/b.manifest", "is a file that the server writes itself: leave it out"],
    [".signatures.json", "is a file that the server writes itself: leave it out"],
    ["my-signatures.json", "is a file that the server writes itself: leave it out"],
    ["a/data.yml", "must be named *.rego, data.json or data.yaml"],
    ["roles.json", "must be named *.rego, data.json or data.yaml"],
    ["DATA.JSON", "must be named *.rego, data.json or data.yaml"],
    ["p.REGO", "must be named *.rego, data.json or data.yaml"],
    ["policy.wasm", "must be named *.rego, data.json or data.yaml"],
    ["patch.json", "must be named *.rego, data.json or data.yaml"],
    [`${"n".repeat(96)}.rego`, "is too long: at most 256 bytes, the last 100 of them after a slash"],
    [`${"d".repeat(156)}/p.rego`, "is too long: at most 256 bytes, the last 100 of them after a slash"],
    [`${"d/".repeat(500_000)}p.rego`, "is too long: at most 256 bytes, the last 100 of them after a slash"],
  ])("refuse the path %j", (path, msg) => {
    expect(problems({ files: { [path]: REGO } })[0]).toBe(
      `files > ${path.length > 200 ? `${path.slice(0, 200)}…` : path}: ${msg} (path)`,
    );
  });

  it.each([`${"n".repeat(95)}.rego`, `${"d".repeat(155)}/${"n".repeat(95)}.rego`])("take the path %s", (path) => {
    expect(problems({ files: { [path]: REGO } })).toEqual([]);
  });

  it("refuse __proto__ as a folder", () => {
    expect(problems(`{"files":{"a/__proto__/data.json":"{}"}}`)).toEqual([
      "files > a/__proto__/data.json: must not have __proto__ as a name (path)",
    ]);
  });

  it.each<[string, unknown, string]>([
    [
      "another key",
      { files: { "p.rego": REGO }, main: 1 },
      "main: is unknown: policies of kind OPA have files, roots and rego_version (extra_field)",
    ],
    ["no files", { roots: ["a"] }, "files: must be an object of paths and texts (missing)"],
    ["an empty bundle, which would wipe the data", { files: {} }, "files: must have a file (too_short)"],
    [
      "a file that is no text",
      { files: { "p.rego": { a: 1 } } },
      "files > p.rego: must be the text of the file (type)",
    ],
    [
      "a text that is not UTF-8",
      '{"files":{"p.rego":"package a # \\ud800"}}',
      "files > p.rego: a string with a lone surrogate (lone_surrogate)",
    ],
    [
      "the same path twice",
      '{"files":{"p.rego":"package a","p.rego":"package b"}}',
      "files > p.rego: duplicate key (duplicate_key)",
    ],
    [
      "the same path in two spellings",
      { files: { "\u00e9.rego": REGO, "e\u0301.rego": REGO } },
      'files > e\u0301.rego: is "\u00e9.rego" in other characters that look the same (duplicate)',
    ],
    [
      "a file below a file",
      { files: { "a.rego": REGO, "a.rego/b.rego": REGO } },
      'files > a.rego/b.rego: is below "a.rego", which is a file (duplicate)',
    ],
    [
      "a version of Rego that is none",
      { files: { "p.rego": REGO }, rego_version: 2 },
      "rego_version: must be 0 or 1 (value)",
    ],
    [
      "a version that is no integer",
      '{"files":{"p.rego":"package a"},"rego_version":1.0}',
      "rego_version: must be 0 or 1 (value)",
    ],
    [
      "no list of roots",
      { files: { "p.rego": REGO }, roots: "a" },
      'roots: must be a list of paths, as in ["authz"]; [""] is all of data (type)',
    ],
    ["no root", { files: { "p.rego": REGO }, roots: [] }, 'roots: must have a path: [""] is all of data (too_short)'],
    [
      "a root with a slash",
      { files: { "p.rego": REGO }, roots: ["authz/"] },
      "roots > 0: must not begin or end with a slash (root)",
    ],
    [
      "a root that OPA unescapes, so that it would not own the data of this path",
      { files: { "a/b%20c/data.json": "1" }, roots: ["a/b%20c"] },
      "roots > 0: must not have a percent sign, from which OPA reads an escape: own the path above it (root)",
    ],
    [
      "a root that OPA cannot unescape",
      { files: { "p.rego": 'package a["100%"]' }, roots: ["a/100%"] },
      "roots > 0: must not have a percent sign, from which OPA reads an escape: own the path above it (root)",
    ],
    [
      "overlapping roots",
      { files: { "p.rego": REGO }, roots: ["authz/x", "a", "authz"] },
      'roots > 0: overlaps with the root "authz" (overlap)',
    ],
    [
      "a root twice",
      { files: { "p.rego": REGO }, roots: ["authz", "authz"] },
      'roots > 1: overlaps with the root "authz" (overlap)',
    ],
    [
      "a root beside all of data",
      { files: { "p.rego": REGO }, roots: ["", "authz"] },
      'roots > 1: overlaps with the root "" (overlap)',
    ],
    [
      "a module without a package",
      { files: { "p.rego": "allow := true" } },
      "files > p.rego: must begin with a package declaration (package)",
    ],
    [
      "a null character",
      { files: { "p.rego": "package a\n# \0" } },
      "files > p.rego: must not have a null character (package)",
    ],
    [
      "a package outside of the roots",
      { files: { "p.rego": "package authzother.x" }, roots: ["authz"] },
      "files > p.rego: has the package authzother.x, which is outside of the roots (package)",
    ],
    [
      "a package above a root",
      { files: { "p.rego": "package a" }, roots: ["a/b"] },
      "files > p.rego: has the package a, which is outside of the roots (package)",
    ],
    [
      "data outside of the roots",
      { files: { "a/data.json": '{"b":{},"c":1}' }, roots: ["a/b"] },
      "files > a/data.json: has data.a.c, which is outside of the roots (data)",
    ],
    [
      "an empty object outside of the roots",
      { files: { "a/c/data.json": "{}" }, roots: ["a/b"] },
      "files > a/c/data.json: has data.a.c, which is outside of the roots (data)",
    ],
    [
      "a value in place of a root's folder",
      { files: { "a/data.json": "1" }, roots: ["a/b"] },
      "files > a/data.json: has data.a, which is outside of the roots (data)",
    ],
    [
      "a number at which OPA panics",
      { files: { "data.json": '{"a":"1e99999","b":[1e999,1e-99999]}' } },
      "files > data.json: has the number 1e-99999, which OPA cannot compute with (data)",
    ],
    [
      "a list at the top",
      { files: { "data.json": "[]" } },
      "files > data.json: must be an object at the top of the bundle (data)",
    ],
    [
      "the same data in two files",
      { files: { "data.json": '{"a":{"b":1}}', "a/data.yaml": "b: 1" } },
      "files > a/data.yaml: has data.a.b, which another file has too (data)",
    ],
    [
      "data that is no JSON",
      { files: { "data.json": "{a:1}" } },
      "files > data.json: not JSON: expected a key in double quotes (line 1, column 2, offset 1) (data)",
    ],
    ["a key twice in data", { files: { "data.json": '{"a":1,"a":2}' } }, "files > data.json: a: duplicate key (data)"],
    ["YAML that readers read differently", { files: { "data.yaml": "a: no" } }, "files > data.yaml: line 1, column 4"],
    [
      "more YAML than can be parsed",
      { files: { "a/data.yaml": "a: 1 #" + "x".repeat(200_000), "b/data.yaml": "#".repeat(70_000) } },
      "files > b/data.yaml: all data.yaml must have at most 262144 characters together: use data.json (too_large)",
    ],
    [
      "more files than 10,000",
      { files: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`${i}.rego`, REGO])) },
      "files: must be at most 10000 (too_many)",
    ],
    [
      "more than 16 MiB",
      { files: { "p.rego": `package a\n#${"é".repeat(8 * 1024 * 1024)}` } },
      "files: must have at most 16777216 bytes together (too_large)",
    ],
  ])("refuse %s", (_, policies, problem) => {
    expect(problems(policies)).toContainEqual(expect.stringContaining(problem));
  });

  it("tell a hundred problems at once", () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}.txt`, ""]));
    expect(problems({ files })).toHaveLength(100);
  });

  it("are compared with the roots in a time that does not grow with their number", () => {
    const above = Array.from({ length: 496 }, () => "a");
    const names = Array.from({ length: 1_000 }, (_, i) => `b${i}`);
    const roots = names.map((name) => [...above, name].join("/"));
    let asked = 0;
    const path = [...above, "b999", "c"];
    const counted = new Proxy(path, {
      get: (target, key, self) => {
        asked += 1;
        return Reflect.get(target, key, self) as unknown;
      },
    });
    expect(isInRoots(rootTree(roots), counted)).toBe(true);
    expect(asked).toBeLessThan(5 * path.length);
    expect(isInRoots(rootTree(roots), [...above, "b1000"])).toBe(false);
    expect(isInRoots(rootTree(roots), above)).toBe(false);
  });

  it("are refused in well-formed texts", () => {
    const [problem] = problems({ files: { [`${"a".repeat(199)}\u{1f600}.txt`]: "" } });
    expect(problem?.isWellFormed()).toBe(true);
  });
});
