import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readManifest } from "../../../packaging/sdk/entries.js";
import * as core from "../../../src/sdk/index.js";
import { installSdk, PACKING_MS, type Consumer } from "../../support/sdk-package.js";
import { driveCase, type RunClient } from "../../vectors/drive.js";
import { readPacks } from "../../vectors/packs.js";
import { createVectorServer } from "../../vectors/vector-server.js";

const ROOT = join(import.meta.dirname, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "signet-sdk-"));
let consumer: Consumer;

beforeAll(async () => {
  consumer = await installSdk(scratch);
}, PACKING_MS);

afterAll(() => rmSync(scratch, { recursive: true }));

const MAX_INSTALLED_BYTES = 5_000_000;

/** What files take on the disk, in whole blocks, as `du` counts; directories too. */
function bytesOnDisk(path: string): number {
  const stat = lstatSync(path);
  const inside = stat.isDirectory() ? readdirSync(path).map((name) => bytesOnDisk(join(path, name))) : [];
  return inside.reduce((sum, bytes) => sum + bytes, stat.blocks * 512);
}

function node(script: string, ...flags: readonly string[]): string {
  const argv = [...flags, "--eval", script];
  return execFileSync(process.execPath, argv, { cwd: consumer.directory, encoding: "utf8", env: {} }).trim();
}

describe("the package of the SDK", () => {
  it("installs without a network, brings no other package, and is small", () => {
    const modules = join(consumer.directory, "node_modules");
    expect(readdirSync(modules).filter((name) => !name.startsWith("."))).toEqual(["@signet"]);
    expect(readdirSync(join(modules, "@signet"))).toEqual(["sdk"]);
    const bytes = bytesOnDisk(modules);
    console.info(`installed: ${(bytes / 1e6).toFixed(2)} MB on disk, ${consumer.tarball.files.length} files`);
    expect(bytes).toBeLessThan(MAX_INSTALLED_BYTES);
  });

  it("has nothing to compile and no script that an installation runs", () => {
    const manifest = JSON.parse(readFileSync(join(consumer.installed, "package.json"), "utf8")) as Record<
      string,
      object
    >;
    expect(Object.keys(manifest).filter((name) => /dependencies/i.test(name))).toEqual([]);
    expect(Object.keys(manifest["scripts"] ?? {})).toEqual(["prepack"]);
    const paths = consumer.tarball.files.map(({ path }) => path);
    const allowed = /^(package\.json|README\.md|LICENSE|dist\/(THIRD-PARTY-LICENSES|.+\.js|.+\.d\.ts))$/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
    expect(paths.filter((path) => /sqlite|kysely|\bpg\b/.test(path))).toEqual([]);
  });

  it("is of the version of the server, and every entry is in it", () => {
    const { version, exports } = readManifest(ROOT);
    expect(consumer.tarball.filename).toBe(`signet-sdk-${version}.tgz`);
    const paths = new Set(consumer.tarball.files.map(({ path }) => `./${path}`));
    const entries = Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    expect(entries.filter((path) => !paths.has(path))).toEqual([]);
    expect(entries.length).toBeGreaterThan(4);
  });

  it("carries its licence and those of the packages inside", () => {
    const read = (path: string) => readFileSync(path, "utf8");
    expect(read(join(consumer.installed, "LICENSE"))).toBe(read(join(ROOT, "LICENSE")));
    const others = read(join(consumer.installed, "dist/THIRD-PARTY-LICENSES"));
    const titles = [...others.matchAll(/^=+\n(.+)\n=+$/gm)].map(([, title = ""]) => title.replace(/ \d.*/, ""));
    expect(titles).toEqual([
      "signet, Apache-2.0",
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "@connectrpc/connect-web",
      "@noble/ed25519",
      "@noble/hashes",
    ]);
  });

  it("has the names of the SDK in the repository, by import and by require", () => {
    const names = Object.keys(core).toSorted().join();
    const print = "Object.keys(sdk).filter((name) => name !== 'module.exports').sort().join()";
    expect(node(`import("@signet/sdk").then((sdk) => console.log(${print}))`)).toBe(names);
    expect(node(`const sdk = require("@signet/sdk"); console.log(${print})`, "--no-warnings")).toBe(names);
    expect(node(`import("@signet/sdk/node").then((sdk) => console.log(${print}))`)).toContain("openNodeTransport");
  });
});

/** From each kind of vectors one; all of them: `npm run conformance -- runtime`, and without processes test/sdk/conformance.test.ts. */
const VECTORS = ["first-contact", "restart-then-replay", "changed-bytes-in-the-cache", "root-not-served"];

describe("the command that the package brings for the conformance kit", () => {
  const server = createVectorServer();
  let url = "";

  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  const command = () => join(consumer.directory, "node_modules/.bin/signet-runtime-conformance");
  const run: RunClient = async (args, now) => {
    const env = { PATH: dirname(process.execPath), SIGNET_NOW: now };
    return await promisify(execFile)(command(), args, { env }).then(
      (ended) => ({ exitCode: 0, ...ended }),
      (ended: { code: number; stdout: string; stderr: string }) => ({ ...ended, exitCode: ended.code }),
    );
  };

  it.each(VECTORS)("passes %s", async (id) => {
    const one = [...readPacks().values()].flat().find((it) => it.id === id);
    if (one === undefined) throw new Error(`no vector is called ${id}`);
    expect(await driveCase(one, url, run)).toEqual([]);
  });

  it("ends with 2 and its usage when it is called in another way", async () => {
    const failed = promisify(execFile)(command(), ["--state", "x"], { env: { PATH: dirname(process.execPath) } });
    const stderr = expect.stringContaining("usage: signet-runtime-conformance --state") as string;
    await expect(failed).rejects.toMatchObject({ code: 2, stdout: "", stderr });
  });
});
