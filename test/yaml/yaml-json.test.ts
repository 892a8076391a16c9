import { describe, expect, it } from "vitest";
import { YamlError } from "../../src/yaml/yaml-error.js";
import { yamlToJson } from "../../src/yaml/yaml-json.js";

describe("yamlToJson", () => {
  it.each([
    ["a: 1\nb: [x, true, ~, null]\n", '{"a":1,"b":["x",true,null,null]}'],
    ["a: 1.50\nb: -0\nc: 1e3\nd: 1e400", '{"a":1.50,"b":-0,"c":1e3,"d":1e400}'],
    ["n: 9007199254740993", '{"n":9007199254740993}'],
    ["n: 123456789012345678901234567890", '{"n":123456789012345678901234567890}'],
    ["a: 0x10\nb: 0o17\nc: +3\nd: .5\ne: 012", '{"a":16,"b":15,"c":3,"d":0.5,"e":12}'],
    ["big: 0xFFFFFFFFFFFFFFFF", '{"big":18446744073709551615}'],
    [
      "a: yes\nb: on\nc: 2001-01-01\nd: 1_000\ne: 12:30:45",
      '{"a":"yes","b":"on","c":"2001-01-01","d":"1_000","e":"12:30:45"}',
    ],
    ['"<<": 1\n"1": 2', '{"<<":1,"1":2}'],
    ["k: >\n folded\n text\n", '{"k":"folded text\\n"}'],
    ['s: "a\\u2028\\"\\n"', '{"s":"a\u2028\\"\\n"}'],
    ["? a\n", '{"a":null}'],
    ["# only a comment around\n- 1\n", "[1]"],
    ['{"json": {"is": ["yaml", 1.0]}}', '{"json":{"is":["yaml",1.0]}}'],
    ["%YAML 1.2\n---\na: 1\n...\n", '{"a":1}'],
    ["__proto__: 1", '{"__proto__":1}'],
  ])("%j is %s", (yaml, json) => {
    expect(yamlToJson(yaml)).toBe(json);
  });

  it.each([
    ["a: &x 1\nb: 2", "line 1, column 7: anchors are not allowed"],
    ["a: [&x {}]", "anchors are not allowed"],
    ["a: 1\nb: *x", "aliases are not allowed"],
    ["*x : 1", "keys must be strings"],
    ["&k a: 1", "anchors are not allowed"],
    ["<<: {a: 1}", "line 1, column 1: merge keys are not allowed"],
    ["a: !foo 1", "line 1, column 4: Unresolved tag: !foo"],
    ["a: !!str 1", "tags are not allowed"],
    ["a: !!binary aGk=", "tags are not allowed"],
    ["a: !!js/function x", "Unresolved tag"],
    ["!!map {a: 1}", "tags are not allowed"],
    ["a: 1\nb: 2\na: 3", "line 3, column 1: the same key twice"],
    ["1: a", "line 1, column 1: keys must be strings: quote it"],
    ["null: a", "keys must be strings"],
    ["? [a]\n: 1", "keys must be strings"],
    ["a: .inf", "line 1, column 4: JSON has no .inf"],
    ["a: -.INF", "JSON has no -.INF"],
    ["a: .NaN", "JSON has no .NaN"],
    ["", "the document is empty"],
    ["# nothing\n", "the document is empty"],
    ["a: 1\n---\nb: 2", "line 2, column 1: only one document is allowed"],
    ["%YAML 1.1\n---\na: yes", "only YAML 1.2 is allowed"],
    ["a: [", "line 1, column 5: "],
    ["\ta: 1", "Tabs are not allowed"],
  ])("refuses %j", (yaml, part) => {
    expect(() => yamlToJson(yaml)).toThrow(YamlError);
    expect(() => yamlToJson(yaml)).toThrow(part);
  });

  it.each(["[".repeat(100_000), "- ".repeat(5_000) + "1", "a: {b: ".repeat(1_000), "[{a: ".repeat(50_000)])(
    "refuses what is nested too deeply without coming down itself",
    (yaml) => {
      expect(() => yamlToJson(yaml)).toThrow(YamlError);
    },
  );

  it("takes what the server would refuse with a better word: 100 levels", () => {
    expect(yamlToJson("[".repeat(100) + "]".repeat(100))).toBe("[".repeat(100) + "]".repeat(100));
  });
});
