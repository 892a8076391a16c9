import { copyFileSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatherContents } from "../packaging/contents.js";
import { VERSION } from "../src/assets/version.js";
import type { Signet } from "./cli/spawned.js";
import { builtExecutable, runExecutable as run, startExecutable as start } from "./support/executable.js";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "signet-executable-"));
const POLICY = join(root, "examples/policies/guardrails.json");

let nodeVersion = "";

// The first run after `npm ci` compiles SQLite for the Node that the executable carries.
beforeAll(async () => {
  nodeVersion = (await gatherContents(root)).node.versions.node;
  await builtExecutable();
}, 900_000);

afterAll(() => rmSync(folder, { recursive: true }));

const emptyDirectory = () => mkdtempSync(join(folder, "empty-"));
const serve = ["serve", "--port", "0", "--log-level", "warn"];

async function urlOf(server: Signet): Promise<string> {
  return (await server.line(/listening/)).replace("signet listening on ", "");
}

/** The page, and what it loads, in the form that was compressed at build. */
async function servesConsole(url: string): Promise<void> {
  const page = await fetch(`${url}/`, { headers: { accept: "text/html" } });
  expect([page.status, page.url]).toEqual([200, `${url}/console/`]);
  const named = [...(await page.text()).matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(2);
  for (const path of named) {
    const { status, headers } = await fetch(new URL(path, page.url), { headers: { "accept-encoding": "br" } });
    // What compression makes no smaller is as it is.
    const isTiny = headers.get("content-encoding") === null && Number(headers.get("content-length")) < 100;
    expect([status, headers.get("content-encoding")], path).toEqual([200, isTiny ? null : "br"]);
  }
}

describe("the executable, alone in an empty directory", () => {
  it.each<[argv: readonly string[], part: string]>([
    [["--version"], VERSION],
    [["help"], "Publish, promote and push"],
    [["serve", "--help"], "SIGNET_DATA"],
    [["licenses"], "better-sqlite3"],
    [["verify", "--help"], "--keys"],
  ])("answers %j and writes nothing", async (argv, part) => {
    const directory = emptyDirectory();
    const { exitCode, out, err } = await run(directory, argv);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(out).toContain(part);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("carries the supported Node, whichever runs the tests", () => {
    expect(nodeVersion).toMatch(/^24\./);
    const image = /^ARG BUILD_IMAGE=node:([\d.]+)-/m.exec(readFileSync(join(root, "Dockerfile"), "utf8"))?.[1];
    expect(image).toBe(nodeVersion);
  });

  it("has the licences of all that is inside of it", async () => {
    const { out } = await run(emptyDirectory(), ["licenses"]);
    for (const name of [
      "signet, Apache-2.0",
      `Node.js v${nodeVersion}`,
      "SQLite",
      "kysely",
      "pino",
      "@connectrpc/connect ",
      "preact ",
    ])
      expect(out).toMatch(new RegExp(`^={20,}\n${name.replace(/[.]/g, "\\.")}`, "m"));
    expect(out.match(/Permission is hereby granted/g)?.length).toBeGreaterThan(10);
  });

  it("refuses an offline command where there is no database, and writes nothing", async () => {
    const directory = emptyDirectory();
    const { exitCode, err } = await run(directory, ["token", "create", "--admin", "--data", "data"]);
    expect(err).toContain("no Signet database");
    expect(exitCode).toBe(4);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("serves, publishes, pushes, promotes, verifies; and needs nothing but its data directory", async () => {
    const directory = emptyDirectory();
    writeFileSync(join(directory, "policy.json"), readFileSync(POLICY));
    const server = await start(directory, serve);
    const SIGNET_URL = await urlOf(server);
    expect(server.err).toContain("  signet publish --env dev -f policy.json");
    const signet = async (argv: readonly string[], environment = {}) => {
      const { exitCode, out, err } = await run(directory, argv, { SIGNET_URL, ...environment });
      expect(exitCode, err).toBe(0);
      return out;
    };
    expect(await signet(["health"])).toBe("ready\n");
    await servesConsole(SIGNET_URL);
    const SIGNET_TOKEN = (await signet(["token", "create", "--runtime", "--env", "staging", "--name", "mine"])).trim();
    await using watcher = await start(directory, ["watch", "--count", "1", "--json"], { SIGNET_URL, SIGNET_TOKEN });
    await signet(["publish", "--env", "dev", "-f", "policy.json"]);
    await signet(["promote", "--from", "dev"]);
    expect(await watcher.exit, watcher.err).toBe(0);
    expect(JSON.parse(watcher.out)).toMatchObject({ version: 1, sequence: 1 });
    expect(await signet(["audit", "verify"])).toContain("the chain holds");

    expect(await server.stop()).toBe(0);
    expect(readdirSync(directory).sort()).toEqual(["data", "policy.json"]);
    const [binding = "", ...others] = readdirSync(join(directory, "data/native"));
    expect(others).toEqual([]);
    expect(lstatSync(join(directory, "data/native", binding)).mode & 0o777).toBe(0o600);
    const after = await run(directory, ["health"], { SIGNET_URL });
    expect(after).toMatchObject({ exitCode: 7, out: "" });
    expect(await run(directory, ["token", "create", "--admin", "--data", "data"])).toMatchObject({ exitCode: 0 });
  });

  it("does not load what somebody else put in the place of SQLite's compiled part", async () => {
    const directory = emptyDirectory();
    const first = await start(directory, [...serve, "--native-directory", "code"]);
    await urlOf(first);
    await first.stop();
    const [name = ""] = readdirSync(join(directory, "code"));
    const good = readFileSync(join(directory, "code", name));
    // Loading it would end with "invalid ELF header".
    copyFileSync(POLICY, join(directory, "code", name));
    const second = await start(directory, [...serve, "--native-directory", "code"]);
    await urlOf(second);
    expect(await second.stop()).toBe(0);
    expect(readFileSync(join(directory, "code", name)).equals(good)).toBe(true);
  });

  it("says what to do when the place of the compiled part cannot be used", async () => {
    const directory = emptyDirectory();
    writeFileSync(join(directory, "a-file"), "");
    const { exitCode, err } = await run(directory, [...serve, "--native-directory", "a-file"]);
    expect(err).toContain(`cannot put SQLite's compiled part into ${join(directory, "a-file")}`);
    expect(exitCode).toBe(7);
  });
});
