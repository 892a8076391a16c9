/** Numbers from 0 to below 1, the same for each seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values of JSON, and what some parsers take for one. */
const VALUES: readonly string[] = [
  ...["null", "true", "0", "-0", "-1", "1", "7", "8", "1.0", "8.0", "8e0", "1E2", "01", "+1", ".5", "1.", "1e", "0x8"],
  ...[
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "1e15",
    "1e21",
  ],
  ...[
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1",
    "0.1000000000000000055511151231257827",
    "-0.0",
    "0e9",
  ],
  ...["NaN", "Infinity", "-Infinity", "nan", "None", "True", "undefined", "'x'", "[]", "{}", "[1,]", '{"a":1,}', "[,]"],
  ...[
    '""',
    '"8"',
    '"\\u0061"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud800x"',
    '"\\u0000"',
    '"\\x41"',
  ],
  ...[
    '"\\/"',
    '"\u0001"',
    '"\t"',
    '"\u007f"',
    '"\u2028"',
    '"\u00e9"',
    '"e\u0301"',
    '"\u{1f600}"',
    '"\\uD83D\u{1f600}"',
  ],
  ...[
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1}',
    '{"constructor":{"prototype":1}}',
    '{"":0}',
    '{"\\ud800":1}',
  ],
  ...[
    "[".repeat(70) + "]".repeat(70),
    '{"a":'.repeat(40) + "1" + "}".repeat(40),
    "[".repeat(5),
    `"${"x".repeat(70_000)}"`,
  ],
  ...['"2026-03-01T12:00:00Z"', '"2026-02-30T12:00:00Z"', '"2026-03-01T24:00:00Z"', '"2026-03-01T12:00:60Z"'],
  ...['"2026-03-01t12:00:00z"', '"2026-03-01T12:00:00.000Z"', '"2026-03-01T12:00:00+00:00"', '"0000-01-01T00:00:00Z"'],
  ...['"9999-12-31T23:59:59Z"', '"2024-02-29T12:00:00Z"', '"2026-03-01T12:00:00Z\\n"', '"\u0662026-03-01T12:00:00Z"'],
  ...[
    `"${"a".repeat(64)}"`,
    `"${"A".repeat(64)}"`,
    `"${"0".repeat(63)}"`,
    `"${"0".repeat(64)}\\n"`,
    '"sha256"',
    '"AAAA"',
  ],
];

/** What is put between the tokens of a text. */
const BETWEEN: readonly string[] = [
  ...[" ", "\n", "\r\n", "\t", "\f", "\v", "\0", "\u00a0", "\ufeff", "\u2028", "\u0085", ",", ":", "/**/", "//\n", "#"],
  ...['"a":1,', '"__proto__":null,', '"unknown":{"a":[1.5,{"b":null}]},', '"unknown":1e400,', '"unknown":"\\ud800",'],
  ...[
    '"unknown":9007199254740993,',
    '"unknown":1.0,',
    '"unknown":{"x":1,"x":2},',
    `"unknown":${"[".repeat(7)}${"]".repeat(7)},`,
  ],
];

/** Bytes that are no UTF-8, or hardly. */
const BYTES = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xef, 0xbb, 0xbf],
  [0x80],
  [0xc3],
  [0],
];

/** One mutation of a JSON text, most often of whole tokens. */
export function mutated(bytes: Uint8Array, random: () => number): Buffer {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const text = Buffer.from(bytes).toString();
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}[\]:,]/g)].map(({ 0: token, index }) => {
    return { token, from: index, to: index + token.length };
  });
  const { token, from, to } = pick(tokens.length > 0 ? tokens : [{ token: "", from: 0, to: 0 }]);
  const by = (middle: string) => Buffer.from(text.slice(0, from) + middle + text.slice(to));
  const at = Math.floor(random() * (bytes.length + 1));
  const isKey = (index: number) => tokens[index + 1]?.token === ":";
  switch (Math.floor(random() * 12)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const values = tokens.filter(({ token: it }, index) => !/^[{}[\]:,]$/.test(it) && !isKey(index));
      const value = pick(values.length > 0 ? values : [{ token, from, to }]);
      return Buffer.from(text.slice(0, value.from) + pick(VALUES) + text.slice(value.to));
    }
    case 4: {
      // A key again, with another value, written as it is or in escapes.
      const keys = tokens.filter((_, index) => isKey(index));
      const key = pick(keys.length > 0 ? keys : [{ token: '"a"', from, to }]);
      const escaped = key.token.replace(/[a-z]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
      const again = pick([key.token, escaped, escaped.toUpperCase(), key.token.toUpperCase()]);
      return random() < 0.5
        ? Buffer.from(`${text.slice(0, key.from)}${again}:${pick(VALUES)},${text.slice(key.from)}`)
        : Buffer.from(text.slice(0, key.from) + again + text.slice(key.to));
    }
    case 5:
    case 6:
      return by(random() < 0.5 ? pick(BETWEEN) + token : token + pick(BETWEEN));
    case 7:
      return by(pick(["", token + token, `[${token}]`]));
    case 8:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(BYTES)), bytes.subarray(at)]);
    case 9: {
      const changed = Buffer.from(bytes);
      const one = at % Math.max(1, bytes.length);
      changed[one] = (changed[one] ?? 0) ^ (1 << Math.floor(random() * 8));
      return changed;
    }
    case 10:
      return Buffer.from(random() < 0.5 ? bytes.subarray(0, at) : Buffer.concat([bytes, Buffer.from(pick(BETWEEN))]));
    default:
      return Buffer.from(
        pick([`\ufeff${text}`, ` ${text}\n`, `${text}${text}`, `[${text}]`, "", "null", "{}", ...VALUES]),
      );
  }
}
