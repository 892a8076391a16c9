import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { usableBinaries } from "../../../tools/postgres/binaries.js";

const STRANGER = { uid: 65_533, gid: 65_533 };

describe("npm's PostgreSQL", () => {
  let directory = "";
  let native = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "signet-binaries-"));
    native = join(directory, "package/native");
    for (const part of ["bin", "lib"]) mkdirSync(join(native, part), { recursive: true });
    for (const part of ["bin/postgres", "lib/libpq.so.5.18", "lib/libpq.a"]) writeFileSync(join(native, part), "");
    const link = { source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" };
    writeFileSync(join(native, "pg-symlinks.json"), JSON.stringify([link]));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("is used where it is, and its libraries have their links also without the package's install script", () => {
    // The second time the links are there.
    for (let time = 0; time < 2; time++) {
      expect(usableBinaries(native, null, directory)).toBe(join(native, "bin"));
      expect(readlinkSync(join(native, "lib/libpq.so.5"))).toBe("libpq.so.5.18");
    }
  });

  it("is copied where the server's user cannot reach it", () => {
    chmodSync(join(directory, "package"), 0o700);
    const copy = join(directory, "postgresql");
    expect(usableBinaries(native, STRANGER, directory)).toBe(join(copy, "bin"));
    expect(readlinkSync(join(copy, "lib/libpq.so.5"))).toBe("libpq.so.5.18");
  });
});
