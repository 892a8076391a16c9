import { describe, expect, it } from "vitest";
import { readRegoPackage } from "../../../src/bundle/opa/rego-package.js";

describe("the package of a Rego module", () => {
  // Each as OPA 1.22 reads it (`opa parse --format json`).
  it.each([
    ["package a", ["a"]],
    ["package a.b\n\nallow := true", ["a", "b"]],
    ['package a.b["c-d"].e', ["a", "b", "c-d", "e"]],
    ["package a[`r.s`].d", ["a", "r.s", "d"]],
    ["\ufeff# a comment\n\n  package\t\r\na # another", ["a"]],
    ["package#x\na", ["a"]],
    ['package a[ # c\n "b" ]', ["a", "b"]],
    ["package a#c\nx := 1", ["a"]],
    ['package a["b\\u0063\\/"]', ["a", "bc/"]],
    ['package a["\tb"]', ["a", "\tb"]],
    ['package a[""]', ["a", ""]],
    ["package a[`b\nc`]", ["a", "b\nc"]],
    ["package package.import.if", ["package", "import", "if"]],
    ["package data.a", ["data", "a"]],
    ["package _a._.b٣", ["_a", "_", "b٣"]],
    ["package a\nimport rego.v1", ["a"]],
  ])("%j is %j", (text, path) => expect(readRegoPackage(text)).toEqual({ path }));

  it.each([
    ["", "must begin with a package declaration"],
    ["x := 1", "must begin with a package declaration"],
    ["import a\npackage b", "must begin with a package declaration"],
    ["packages a", "must begin with a package declaration"],
    ["/* */ package a", "must begin with a package declaration"],
    ["package.a", "line 1: expected a name after package"],
    ["package 1a", "line 1: expected a name after package"],
    ["package _", "line 1: expected a name after package"],
    ["package é", "line 1: expected a name after package"],
    ["\n\npackage a. b", "line 3: expected a name after the dot"],
    ["package a.1", "line 1: expected a name after the dot"],
    ["package a.#c\nb", "line 1: expected a name after the dot"],
    ["package a[b]", 'line 1: expected a string in brackets, as in ["name"]'],
    ["package a[1]", 'line 1: expected a string in brackets, as in ["name"]'],
    ['package a["b"+"c"]', 'line 1: expected a string in brackets, as in ["name"]'],
    ['package a["b\nc"]', 'line 1: expected a string in brackets, as in ["name"]'],
    ['package a["\tb\\n"]', 'line 1: expected a string in brackets, as in ["name"]'],
    ['package a["\\ud800"]', 'line 1: expected a string in brackets, as in ["name"]'],
    ['package a[$"b"]', 'line 1: expected a string in brackets, as in ["name"]'],
    ["package a.b-c", "line 1: expected the end of the package"],
    ["package a\u00a0", "line 1: expected the end of the package"],
    ["package a(b)", "line 1: expected the end of the package"],
  ])("is refused in %j", (text, problem) => expect(readRegoPackage(text)).toEqual({ problem }));

  it("takes time linear in the text", () => {
    const long = "#".repeat(1_000_000) + "\n ".repeat(1_000_000);
    expect(readRegoPackage(`${long}package a${".b".repeat(100_000)}`)).toMatchObject({ path: { length: 100_001 } });
    expect(readRegoPackage(`package a["${"\\u0061".repeat(300_000)}`)).toHaveProperty("problem");
  });

  it.each([
    ["white space", `${" \n".repeat(4_000_000)}package a`, "a"],
    ["comments", `${"#\n".repeat(4_000_000)}package a`, "a"],
    ["a name", `package ${"a".repeat(8_000_000)}`, "a".repeat(8_000_000)],
    ["a string", `package a["${"b".repeat(8_000_000)}"]`, "b".repeat(8_000_000)],
  ])("is read behind or in megabytes of %s", (_, text, last) => {
    const read = readRegoPackage(text);
    // Compared without a printed difference of megabytes.
    expect("path" in read && read.path.at(-1) === last).toBe(true);
  });
});
