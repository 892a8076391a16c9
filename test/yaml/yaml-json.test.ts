import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { YamlError } from "../../src/yaml/yaml-error.js";
import { canonicalText } from "../../src/bundle/canonical-json.js";
import { yamlToJson } from "../../src/yaml/yaml-json.js";

describe("yamlToJson", () => {
  it.each([
    ["a: 1\nb: [x, true, ~, null]\n", '{"a":1,"b":["x",true,null,null]}'],
    ["a: 1.50\nb: -0\nc: 1.0e+3\nd: 1.0e+400", '{"a":1.50,"b":-0,"c":1.0e+3,"d":1.0e+400}'],
    ["k: 9007199254740993", '{"k":9007199254740993}'],
    ["k: 123456789012345678901234567890", '{"k":123456789012345678901234567890}'],
    ["a: 0x10\nc: +3\nd: .5\ne: 1.\nf: +1.0\ng: 00.50", '{"a":16,"c":3,"d":0.5,"e":1.0,"f":1.0,"g":0.50}'],
    ["big: 0xFFFFFFFFFFFFFFFF", '{"big":18446744073709551615}'],
    ['a: \'yes\'\n"on": "0644"\nc: |-\n  no', '{"a":"yes","on":"0644","c":"no"}'],
    ["%YAML 1.2\n---\na: no\nb: 0644\nc: 1e3", '{"a":"no","b":644,"c":1e3}'],
    ["a: 1\n---\n", '{"a":1}'],
    ["a: 1\n---\n# the end\n---\n", '{"a":1}'],
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
    ["a: 1\nb: 2\na: 3", "line 3, column 1: duplicate key"],
    ["1: a", "line 1, column 1: keys must be strings: quote it"],
    ["null: a", "keys must be strings"],
    ["? [a]\n: 1", "keys must be strings"],
    ["a: .inf", "line 1, column 4: JSON has no .inf"],
    ["a: -.INF", "JSON has no -.INF"],
    ["a: .NaN", "JSON has no .NaN"],
    ["", "the document is empty"],
    ["# nothing\n", "the document is empty"],
    ["a: 1\n---\nb: 2", "line 2, column 1: a second document: only one is allowed, use a file for each"],
    ["---\n---\na: 1", "the document is empty"],
    ["a: 1\n---\n[", "a second document"],
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

interface Vector {
  readonly yaml: string;
  readonly json: string;
}

const vectors = JSON.parse(readFileSync(new URL("fixtures/pyyaml-vectors.json", import.meta.url), "utf8")) as {
  readonly plain: readonly Vector[];
  readonly expanded: readonly Vector[];
};

describe("YAML beside PyYAML", () => {
  it.each(vectors.plain)("reads $yaml", ({ yaml, json }) => {
    expect(canonicalText(yamlToJson(yaml))).toBe(json);
  });

  it.each(vectors.expanded)("expands $yaml", ({ yaml, json }) => {
    expect(canonicalText(yamlToJson(yaml, { expandAnchors: true }))).toBe(json);
    expect(refusalOf(yaml)).toMatchObject({ remedy: "expand" });
  });
});

describe("what YAML 1.1 and 1.2 read differently", () => {
  it.each([
    ...["yes", "Yes", "no", "NO", "on", "OFF", "y", "N", "0644", "-0644", "007", "08", "012345678901", "0o17", "0b11"],
    ...["100_000", "1_0.5", "0x1_0", "-0x10", "12:30", "08:30", "12:30:45", "-1:30.5", "1e3", "1.5e3", "1e+3", "+.5"],
    ...["2001-01-01", "2001-1-1T10:00:00Z", "2001-01-01 10:00:00", "=", "<<", "?a"],
  ])("%s is refused as a value and as a key, but for who insists or quotes it", (scalar) => {
    const message = `line 2, column 6: ${scalar} is `;
    expect(() => yamlToJson(`a:\n  b: ${scalar}\n`)).toThrow(message);
    expect(refusalOf(`a: ${scalar}`)).toMatchObject({ remedy: "insist" });
    expect(refusalOf(`a: ${scalar}`).problem).toMatch(/YAML 1\.1 and .* YAML 1\.2: quote it$/);
    expect(() => yamlToJson(`a: [1, ${scalar}]`)).toThrow("YAML 1.2: quote it");
    expect(() => yamlToJson(`a: ${scalar}`, { insistOn12: true })).not.toThrow();
    expect(yamlToJson(`a: "${scalar}"`)).toBe(`{"a":"${scalar}"}`);
    if (scalar !== "<<" && scalar !== "?a") expect(() => yamlToJson(`${scalar}: 1`)).toThrow("YAML 1.2: quote it");
  });

  it.each(["a\u0085b", "a\u2028b", "a\rb"])("a line break of other readers is refused: %j", (text) => {
    expect(() => yamlToJson(`k: 1\nl: ${text}\n`)).toThrow("line 2, column 5: a line break in YAML 1.1");
    expect(yamlToJson(`l: ${text}`, { insistOn12: true })).toBe(JSON.stringify({ l: text }));
  });

  it.each(["k: |2\n    a\n   \nz: 1\n", "k: |\n  a\n   ", "k: >1\n  a\n  "])(
    "a block text whose lines of spaces are read differently is refused: %j",
    (yaml) => {
      expect(() => yamlToJson(yaml)).toThrow("line 1, column 4: a ");
    },
  );
});

describe("anchors that are expanded", () => {
  const expand = (yaml: string) => yamlToJson(yaml, { expandAnchors: true });

  it("are bounded", () => {
    const levels = Array.from({ length: 20 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(10)}]`);
    expect(() => expand(`a0: &a0 [x]\n${levels.join("\n")}`)).toThrow("expand to more than 16777216 characters");
  });

  it.each([
    ["a: &a [*a]", "line 1, column 8: an alias inside the value of its own anchor"],
    ["a: *b", "b"],
    ["a: &a [1]\nb: {<<: *a}", "a merge key needs maps"],
    ["a: &a {x: 1, x: 2}", "duplicate key"],
    ["a: &a !!str x", "tags are not allowed"],
    ["*a : 1", "keys must be strings"],
  ])("refuses %j", (yaml, part) => {
    expect(() => expand(yaml)).toThrow(YamlError);
    expect(() => expand(yaml)).toThrow(part);
  });
});

describe("the root", () => {
  it.each(["- 1\n", "# c\n- 1\n", "x\n", "1.0"])("of %j is no object", (yaml) => {
    expect(() => yamlToJson(yaml, { rootIsObject: true })).toThrow("expected an object");
    expect(() => yamlToJson(yaml)).not.toThrow();
  });
});

function refusalOf(yaml: string): YamlError {
  try {
    yamlToJson(yaml);
  } catch (thrown) {
    if (thrown instanceof YamlError) return thrown;
    throw thrown;
  }
  throw new Error("taken");
}
