import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, canonicalText, type JsonValue } from "../../src/bundle/canonical-json.js";
import { servedText } from "../../src/bundle/served-text.js";
import { scanStrictJson } from "../../src/bundle/strict-json.js";

/** Values are printed as JSON.stringify serves them. */
const cases: [value: JsonValue, canonical: string][] = [
  [{ b: 1, a: [] }, '{"a":[],"b":1}'],
  [{ "10": 1, "9": 2, "": 3 }, '{"":3,"10":1,"9":2}'],
  [{ "\u{1f600}": 1, "\ufffd": 2 }, '{"\\ufffd":2,"\\ud83d\\ude00":1}'],
  [{ "\u{1f601}": 1, "\u{1f600}": 2 }, '{"\\ud83d\\ude00":2,"\\ud83d\\ude01":1}'],
  [{ "a\u{1f600}": 1, a: 2, "a\uffff": 3 }, '{"a":2,"a\\uffff":3,"a\\ud83d\\ude00":1}'],
  ["\u007f~ é\u2028", '"\\u007f~ \\u00e9\\u2028"'],
  ['\b\f\n\r\t"\\/\u0000\u001f', '"\\b\\f\\n\\r\\t\\"\\\\/\\u0000\\u001f"'],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [0.000012345, "1.2345e-05"],
  [-0.00001, "-1e-05"],
  [1e-7, "1e-07"],
  [1e-10, "1e-10"],
  [5e-324, "5e-324"],
  [1e16, "10000000000000000"],
  [1e20, "100000000000000000000"],
  [1e21, "1e+21"],
  [1.5e300, "1.5e+300"],
  [-0, "0"],
  [1.5, "1.5"],
  [[true, false, null], "[true,false,null]"],
];

interface Vector {
  readonly text: string;
  /** What Python 3.11 printed. */
  readonly canonical: string;
}

const vectors = JSON.parse(
  readFileSync(new URL("fixtures/canonical-vectors.json", import.meta.url), "utf8"),
) as readonly Vector[];

describe("canonical JSON", () => {
  it.each(vectors)("of $text", ({ text, canonical }) => {
    expect(() => scanStrictJson(text)).not.toThrow();
    expect(canonicalText(text)).toBe(canonical);
    // What is served says the same to every reader, and is served unchanged when it is handed in again.
    const served = servedText(text);
    expect(canonicalText(served)).toBe(canonical);
    expect(servedText(served)).toBe(served);
  });

  it.each(cases)("of the value %j", (value, canonical) => {
    expect(canonicalJson(value)).toBe(canonical);
  });

  it.each([NaN, Infinity, undefined, 1n, () => 1])("refuses %s", (value) => {
    expect(() => canonicalJson([value as never])).toThrow(TypeError);
  });

  it("is ASCII, parses back to the same value, and does not depend on the order of the keys", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const canonical = canonicalJson(value as JsonValue);
        expect(canonical).toMatch(/^[ -~]*$/);
        const parsed = JSON.parse(canonical) as JsonValue;
        expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(parsed))).toBe(canonical);
      }),
    );
  });
});

describe("a served text", () => {
  it.each([
    [' {\t"b" :\r\n1.0 , "a": [ -0, -0.0 , 1e2,1E+2 ] } ', '{"b":1.0,"a":[0,-0.0,100.0,100.0]}'],
    ['{"10":1,"9":{"x":1.50,"10":0.00001}}', '{"10":1,"9":{"x":1.5,"10":1e-05}}'],
    ['["\\u0061\\/\\u00e9","\\ud83d\\ude00","\\u001F\\n\\"\\\\"]', '["a/é","😀","\\u001f\\n\\"\\\\"]'],
    ['"\\\\"', '"\\\\"'],
    ['{"\\\\\\"" : "\\\\" ,"b":" 1.0 "}', '{"\\\\\\"":"\\\\","b":" 1.0 "}'],
  ])("of %s keeps the order of the keys and the kinds of the numbers", (text, served) => {
    expect(servedText(text)).toBe(served);
  });

  it("is the text itself when there is nothing to print anew", () => {
    const text = '{"a":[1,-2,0.1,1.0,-12.25,1e-05,1e+21],"é 😀":"\\n","b":{}}';
    expect(servedText(text)).toBe(text);
  });
});

describe("canonical JSON beside Python's", () => {
  it("is json.dumps of the text as it was handed in and as it is served, for thousands of documents", () => {
    const random = createRandom(20260422);
    const texts = Array.from({ length: 8_000 }, () => randomText(random, 4));
    const handedIn = [...texts, ...vectors.map(({ text }) => text)];
    const printed = printedByPython([...handedIn, ...handedIn.map(servedText)]);
    const wrong = handedIn.filter((text, i) => canonicalText(text) !== printed[i]);
    expect(wrong).toEqual([]);
    expect(printed.slice(handedIn.length)).toEqual(printed.slice(0, handedIn.length));
  });
});

function printedByPython(texts: readonly string[]): readonly string[] {
  const script = [
    "import json, sys",
    "for text in json.load(sys.stdin):",
    '    print(json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")))',
  ].join("\n");
  const input = JSON.stringify(texts);
  const python = spawnSync("python3", ["-c", script], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (python.error !== undefined) throw new Error("this test needs python3 on the PATH", { cause: python.error });
  expect(python.stderr).toBe("");
  const printed = python.stdout.trimEnd().split("\n");
  expect(printed).toHaveLength(texts.length);
  return printed;
}

function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

type Random = () => number;

/** mulberry32: 32 random bits a call, the same on every run. */
function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random() % items.length] as T;
}

/** A JSON text, spelled as people and programs may. */
function randomText(random: Random, depth: number): string {
  const kind = random() % (depth > 0 ? 10 : 6);
  const space = () => pick(random, ["", "", "", " ", "\n\t"]);
  if (kind === 0) return pick(random, ["true", "false", "null"]);
  if (kind <= 3) return randomNumber(random);
  if (kind <= 5) return randomString(random);
  const length = random() % 6;
  const listed = (items: readonly string[]) => items.join(`${space()},${space()}`);
  if (kind === 6) return `[${space()}${listed(Array.from({ length }, () => randomText(random, depth - 1)))}${space()}]`;
  const keys = new Map(
    Array.from({ length: length + 2 }, () => randomString(random)).map((key) => [JSON.parse(key), key]),
  );
  return `{${space()}${listed([...keys.values()].map((key) => `${key}${space()}:${randomText(random, depth - 1)}`))}}`;
}

function randomNumber(random: Random): string {
  const kind = random() % 8;
  const sign = pick(random, ["", "", "-"]);
  if (kind === 0) return `${sign}${random() % 1000}`;
  if (kind === 1) return `${sign}${random() % 1000}.${pick(random, ["", "0", "00"])}${random() % 100}`;
  if (kind === 2)
    return `${sign}${random() % 100}${pick(random, [".0", ".00", "e0", "E2", "e+15", "e16", ".5e3", "e-1", "e21"])}`;
  if (kind === 3) return `${sign}0.${"0".repeat(random() % 8)}${random() % 1000}`;
  // Around the exponents where one of the two languages changes its notation.
  if (kind === 4) return `${sign}${random() % 10}.${random() % 1000}e${(random() % 34) - 9}`;
  // Integers that a double keeps.
  if (kind === 5) return `${sign}${1 + (random() % 9)}${"0".repeat(random() % 22)}`;
  if (kind === 6) return `${sign}${random() % 1000}.${random()}${random()}`;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setUint32(0, random());
  bits.setUint32(4, random());
  const double = bits.getFloat64(0);
  return Number.isFinite(double) ? double.toExponential() : "0e0";
}

const RANGES: readonly [from: number, to: number][] = [
  [0x00, 0x1f],
  [0x20, 0x7e],
  [0x30, 0x39],
  [0x61, 0x7a],
  [0x7f, 0xa0],
  [0xd700, 0xd7ff],
  [0xe000, 0xe00f],
  [0xfff0, 0xffff],
  [0x10000, 0x1000f],
  [0x1f600, 0x1f60f],
  [0x10fff0, 0x10ffff],
];

function randomString(random: Random): string {
  const characters = Array.from({ length: random() % 5 }, () => {
    const [from, to] = pick(random, RANGES);
    return String.fromCodePoint(from + (random() % (to - from + 1)));
  });
  const spelled = characters.map((character) => {
    if (random() % 3 > 0) return JSON.stringify(character).slice(1, -1);
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i).toString(16));
    return units.map((unit) => `\\u${(random() % 2 ? unit : unit.toUpperCase()).padStart(4, "0")}`).join("");
  });
  return `"${spelled.join("")}"`;
}
