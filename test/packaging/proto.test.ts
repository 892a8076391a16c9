import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { protoArchive } from "../../packaging/proto/archive.js";

const root = join(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "signet-proto-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const archive = await protoArchive(root, "signet-proto-1.2.3");
const file = join(scratch, "signet-proto-1.2.3.tar.gz");
writeFileSync(file, archive);

describe("the archive of the proto files", () => {
  it("is the same bytes each time, and has every file of the folder as it is, and the licence", async () => {
    expect((await protoArchive(root, "signet-proto-1.2.3")).equals(archive)).toBe(true);
    execFileSync("tar", ["-xzf", file, "-C", scratch]);
    const unpacked = join(scratch, "signet-proto-1.2.3");
    const files = (folder: string) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));
    expect(files(unpacked).toSorted()).toEqual(files(join(root, "proto")).toSorted());
    for (const name of files(unpacked)) {
      expect(readFileSync(join(unpacked, name)).equals(readFileSync(join(root, "proto", name))), name).toBe(true);
    }
    expect(readFileSync(join(unpacked, "LICENSE"), "utf8")).toContain("Apache License");
    const listed = execFileSync("tar", ["-tvzf", file], { encoding: "utf8" }).trim().split("\n");
    expect(listed.filter((line) => !/^-rw-r--r-- 0\/0 .* 1970-01-01 /.test(line))).toEqual([]);
  });

  it("is what buf generates from as it is", () => {
    const built = execFileSync(
      join(root, "node_modules/.bin/buf"),
      ["build", `${file}#strip_components=1`, "--as-file-descriptor-set", "-o", "-#format=json"],
      { cwd: scratch, encoding: "utf8", maxBuffer: 64 << 20 },
    );
    const { file: files } = JSON.parse(built) as { file: { name: string }[] };
    expect(files.map(({ name }) => name)).toContain("signet/v1/bundle.proto");
    expect(files.map(({ name }) => name)).toContain("google/api/annotations.proto");
  });
});
