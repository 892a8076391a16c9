import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openNativeBinding, placeCode } from "../../src/assets/native-binding.js";

const code = Buffer.from("the compiled part");
const name = `better_sqlite3-${createHash("sha256").update(code).digest("hex")}.node`;
const modeOf = (file: string) => lstatSync(file).mode & 0o777;
let directory = "";
let file = "";

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "signet-native-")), "native");
  file = join(directory, name);
});

describe("the compiled part of SQLite", () => {
  it("is npm's own outside of the executable, and nothing is written", () => {
    expect(openNativeBinding(directory)).toBeUndefined();
    expect(() => lstatSync(directory)).toThrow("ENOENT");
  });

  it("is written once, under its digest, for its owner alone", () => {
    expect(placeCode(directory, code)).toBe(file);
    expect(readFileSync(file)).toEqual(code);
    expect([modeOf(directory), modeOf(file)]).toEqual([0o700, 0o600]);
    const { ino } = lstatSync(file);
    expect(placeCode(directory, code)).toBe(file);
    expect(lstatSync(file).ino).toBe(ino);
    expect(readdirSync(directory)).toEqual([name]);
  });

  it.each<[string, () => void]>([
    ["other bytes of the same length", () => writeFileSync(file, Buffer.from("THE compiled part"), { mode: 0o600 })],
    ["half of the bytes", () => writeFileSync(file, code.subarray(0, 8), { mode: 0o600 })],
    ["the same bytes that everybody can change", () => (writeFileSync(file, code), chmodSync(file, 0o666))],
    [
      "a link to the same bytes elsewhere",
      () => {
        writeFileSync(join(directory, "../elsewhere"), code, { mode: 0o600 });
        symlinkSync("../elsewhere", file);
      },
    ],
  ])("replaces %s", (_what, prepare) => {
    mkdirSync(directory, { mode: 0o700 });
    prepare();
    expect(placeCode(directory, code)).toBe(file);
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readFileSync(file)).toEqual(code);
    expect(modeOf(file)).toBe(0o600);
  });

  it("refuses what is there under its name and cannot be replaced", () => {
    mkdirSync(file, { recursive: true, mode: 0o700 });
    expect(() => placeCode(directory, code)).toThrow("cannot put SQLite's compiled part into");
  });

  it("refuses a directory that others can write to, and one behind a link", () => {
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    expect(() => placeCode(directory, code)).toThrow("only its owner can write to");
    expect(readdirSync(directory)).toEqual([]);
    symlinkSync(mkdtempSync(join(tmpdir(), "signet-native-")), `${directory}-link`);
    expect(() => placeCode(`${directory}-link`, code)).toThrow("only its owner can write to");
  });

  it("removes those of other releases, and nothing else", () => {
    mkdirSync(directory, { mode: 0o700 });
    const older = `better_sqlite3-${"0".repeat(64)}.node`;
    for (const other of [older, "notes.txt"]) writeFileSync(join(directory, other), "");
    placeCode(directory, code);
    expect(readdirSync(directory).sort()).toEqual([name, "notes.txt"]);
  });
});
