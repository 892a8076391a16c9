import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isArchive, readArchive } from "../../src/tar/read-archive.js";
import { formatTarHeader, TAR_END_BYTES, tarChecksum, tarPadding } from "../../src/tar/tar-header.js";

/** `opa build -b .` over authz/policy.rego and roles/data.json. */
const OPA_BUILD = Buffer.from(
  "H4sIAAAAAAAA/+yWvWrDMBDHM+spxM1BPqeVB0OfpIRyxHKqVpGMPlJak3cvkYdAMmRonZKi33L6GO4E+t//qo4iibfg7GI2EBEb" +
    "xBzxMiI+yNP6eF7XKJsFx/lKOpFCJL/AH+c6f9ydMIJ3RgVoR6Bup22A9hnIEqwPB/bXxRVmp6IUX7+qwRm9+RRebd3v57im/3qF" +
    "Z/pfSSmL/m/BQJt32iqevwFjneopmcjJGPfB2yfekwmKsWmve67tkKJIQXmuLc/mkRuImLpHaRl3RiV2ZHWvQpwvx1X/l82F/zeP" +
    "Rf+3YASv9jpoZ6EFWIJ3LuYZANZLONrBy1756bouA0GhUCj8H74DAAD//+9w8pcAEAAA",
  "base64",
);
const FILES = ["data.json", "authz/policy.rego", ".manifest"];

const END = Buffer.alloc(TAR_END_BYTES);
const BOUNDS = { maxFiles: 10 };

function entry(name: string, text: string, change: { type?: string; prefix?: string; magic?: string } = {}): Buffer {
  const bytes = Buffer.from(text);
  const header = formatTarHeader({ name: "x", bytes: bytes.length, modified: 0, mode: 0o644 });
  header.fill(0, 0, 100).write(name, 0);
  header.write(change.prefix ?? "", 345);
  header.write(change.type ?? "0", 156);
  if (change.magic !== undefined) header.write(change.magic, 257, "latin1");
  header.write(
    `${tarChecksum(header.fill(" ", 148, 156))
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return Buffer.concat([header, bytes, Buffer.alloc(tarPadding(bytes.length))]);
}

const pax = (key: string, value: string) => {
  const rest = ` ${key}=${value}\n`;
  const length = Buffer.byteLength(rest);
  const total = [1, 2, 3].map((digits) => length + digits).find((sum) => String(sum).length + length === sum);
  return entry("PaxHeader/x", `${total}${rest}`, { type: "x" });
};

const read = (...entries: readonly Buffer[]) =>
  readArchive(Buffer.concat([...entries, END]), BOUNDS).map(({ path, bytes }) => [path, bytes.toString()]);

describe("an archive that others wrote", () => {
  it("has files under the paths of every format", () => {
    expect(
      read(
        entry("pax_global_header", "52 comment=0123456789012345678901234567890123456789\n", { type: "g" }),
        entry("./", "", { type: "5" }),
        entry("./a/p.rego", "one"),
        entry("/b/p.rego", "two"),
        entry("p.rego", "three", { prefix: "long/folder" }),
        pax("path", "grüße/p.rego"),
        entry("cut", "four"),
        entry("././@LongLink", `${"d/".repeat(60)}p.rego\0`, { type: "L", magic: "ustar  \0" }),
        entry("cut", "five", { magic: "ustar  \0" }),
        entry("old", "six", { type: "\0" }),
      ),
    ).toEqual([
      ["a/p.rego", "one"],
      ["b/p.rego", "two"],
      ["long/folder/p.rego", "three"],
      ["grüße/p.rego", "four"],
      [`${"d/".repeat(60)}p.rego`, "five"],
      ["old", "six"],
    ]);
  });

  it.each<[string, readonly Buffer[], string]>([
    ["a symbolic link", [entry("a/link", "", { type: "2" })], '"a/link" is a symbolic link'],
    ["a hard link", [entry("a/link", "", { type: "1" })], '"a/link" is a hard link'],
    ["a device", [entry("dev", "", { type: "3" })], '"dev" is a device'],
    ["a pipe", [entry("fifo", "", { type: "6" })], '"fifo" is a pipe'],
    ["an unknown kind", [entry("it", "", { type: "Z" })], '"it" is no regular file'],
    ["a path twice", [entry("a", "1"), entry("./a", "2")], 'it has "a" twice'],
    ["too many files", Array.from({ length: 11 }, (_, i) => entry(`f${i}`, "")), "it has more than 10 files"],
    ["a path that is not UTF-8", [entry("x", "").fill(0xff, 0, 1)].map(rechecked), "it has a path that is not UTF-8"],
    ["a size of another", [pax("size", "99999999"), entry("a", "")], 'it is cut: "a" ends after it'],
    ["a damaged record", [entry("h", "99 a=b\n", { type: "x" }), entry("a", "")], "it has a damaged extended header"],
    ["a sparse file", [pax("GNU.sparse.map", "0,1"), entry("a", "")], "it has a sparse file"],
    ["a damaged header", [entry("a", "").fill("z", 0, 1)], "the header at byte 0 is damaged"],
  ])("is refused with %s", (_, entries, message) => {
    expect(() => read(...entries)).toThrow(message);
  });

  it("is refused when it is cut anywhere", () => {
    const whole = Buffer.concat([entry("a", "x".repeat(600)), END]);
    for (const length of [0, 100, 511, 512, 600, 1536]) {
      expect(() => readArchive(whole.subarray(0, length), BOUNDS)).toThrow(/cut/);
    }
    expect(isArchive(whole)).toBe(true);
    expect(isArchive(Buffer.from("package a"))).toBe(false);
  });

  it("is read as opa build 1.22 makes it", () => {
    expect(readArchive(gunzipSync(OPA_BUILD), BOUNDS).map(({ path }) => path)).toEqual(FILES);
  });
});

function rechecked(header: Buffer): Buffer {
  header.write(
    `${tarChecksum(header.fill(" ", 148, 156))
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return header;
}
