import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes, canonicalJson, type JsonValue } from "../../src/bundle/canonical-json.js";

const cases: [served: JsonValue, canonical: string][] = [
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

describe("canonical JSON", () => {
  it.each(cases)("prints %j", (value, canonical) => {
    expect(canonicalJson(value)).toBe(canonical);
    expect(new TextDecoder().decode(canonicalBytes(value))).toBe(canonical);
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

describe.runIf(hasPython())("canonical JSON beside Python's", () => {
  it("is json.dumps of the text as served, for thousands of documents", () => {
    const random = createRandom(20260422);
    const values = Array.from({ length: 8_000 }, () => randomValue(random, 4));
    const served = values.map((value) => JSON.stringify(value));
    const script = [
      "import json, sys",
      "for line in sys.stdin.buffer:",
      '    print(json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")))',
    ].join("\n");
    const input = served.join("\n") + "\n";
    const python = spawnSync("python3", ["-c", script], { input, encoding: "utf8", maxBuffer: 1 << 28 });
    expect(python.stderr).toBe("");
    const printed = python.stdout.trimEnd().split("\n");
    expect(printed).toHaveLength(values.length);
    // As a reader has it: parsed from the served text.
    const wrong = served.filter((text, i) => canonicalJson(JSON.parse(text) as JsonValue) !== printed[i]);
    expect(wrong).toEqual([]);
  });
});

function hasPython(): boolean {
  return spawnSync("python3", ["--version"]).status === 0;
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

function randomValue(random: Random, depth: number): JsonValue {
  const kind = random() % (depth > 0 ? 10 : 6);
  if (kind === 0) return pick(random, [true, false, null]);
  if (kind <= 3) return randomNumber(random);
  if (kind <= 5) return randomString(random);
  const length = random() % 6;
  if (kind === 6) return Array.from({ length }, () => randomValue(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: length + 2 }, () => [randomString(random), randomValue(random, depth - 1)]),
  );
}

function randomNumber(random: Random): number {
  const kind = random() % 5;
  if (kind === 0) return (random() % 2000) - 1000;
  if (kind === 1) return Math.round((random() / 2 ** 32) * 1e6) / 1e6;
  // Around the exponents where one of the two languages changes its notation.
  if (kind === 2) return Number(`${random() % 10}.${random() % 1000}e${(random() % 34) - 9}`);
  if (kind === 3) return (random() - 2 ** 31) * 2 ** (random() % 40);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setUint32(0, random());
  bits.setUint32(4, random());
  const double = bits.getFloat64(0);
  return Number.isFinite(double) ? double : 0;
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
  return Array.from({ length: random() % 5 }, () => {
    const [from, to] = pick(random, RANGES);
    return String.fromCodePoint(from + (random() % (to - from + 1)));
  }).join("");
}
