import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driveCase, type ClientEnd } from "../vectors/drive.js";
import { readPacks } from "../vectors/packs.js";
import { createVectorServer } from "../vectors/vector-server.js";

const module = fileURLToPath(new URL("../../sdks/go", import.meta.url));
/** `npm test` compiles it first. */
const server = fileURLToPath(new URL("../../dist/src/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "signet-go-"));
const client = join(scratch, "signet-runtime-conformance");

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The oldest Go that the module takes, as in its go.mod. */
const OLDEST = 21;

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ClientEnd> {
  const child = spawn(command, args, {
    cwd: module,
    env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (out[name] += text));
  }
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, ...out };
}

/** Go is where its own archive puts it, or on the path. */
async function findGo(): Promise<string> {
  for (const program of ["go", "/usr/local/go/bin/go"]) {
    if (program !== "go" && !existsSync(program)) continue;
    const version = await run(program, ["env", "GOVERSION"]).catch(() => null);
    const minor = /^go1\.(\d+)/.exec(version?.stdout ?? "")?.[1];
    if (Number(minor) >= OLDEST) return program;
  }
  throw new Error(`The tests of the Go SDK need Go 1.${OLDEST} or later: install it from https://go.dev/dl`);
}

describe("the Go SDK", () => {
  let go: string;
  beforeAll(async () => {
    go = await findGo();
  });

  it("passes its own tests, go vet and gofmt, also against a server of its own", async () => {
    expect(existsSync(server), `${server}: npm run build:compile makes it`).toBe(true);
    const formatted = await run(go.replace(/go$/, "gofmt"), ["-l", "."]);
    expect(formatted).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(await run(go, ["vet", "./..."])).toMatchObject({ exitCode: 0, stderr: "" });
    const command = `${process.execPath} ${server}`;
    const args = ["test", "-short", "-timeout", "180s", "./..."];
    const tests = await run(go, args, { SIGNET_TEST_SERVER: command });
    expect(tests, tests.stdout + tests.stderr).toMatchObject({ exitCode: 0 });
  }, 240_000);

  it("passes every case of the conformance kit, as a process for each step", async () => {
    const built = await run(go, ["build", "-o", client, "./cmd/signet-runtime-conformance"]);
    expect(built).toMatchObject({ exitCode: 0, stderr: "" });
    const liar = createVectorServer();
    liar.listen(0, "127.0.0.1");
    await once(liar, "listening");
    const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
    const cases = [...readPacks().values()].flat();
    const failed: string[] = [];
    const waiting = [...cases];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const flaws = await driveCase(next, url, async (args, now) => await run(client, args, { SIGNET_NOW: now }));
        if (flaws.length > 0) failed.push(`${next.name}: ${flaws.join("; ")}`);
      }
    };
    try {
      await Promise.all([work(), work(), work()]);
    } finally {
      liar.close();
    }
    expect(failed).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(185);
  }, 120_000);
});
