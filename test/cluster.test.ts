import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Signet } from "./cli/spawned.js";

const ROOT = join(import.meta.dirname, "..");

/** A database server, three nodes and eight commands are many processes for a machine that runs other tests too. */
const TIMEOUT_MS = 150_000;

describe("npm run cluster", { timeout: TIMEOUT_MS }, () => {
  let directory = "";
  const started: Signet[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-example-"));
    // The user that PostgreSQL runs as for root has to get in.
    await chmod(directory, 0o755);
    await mkdir(join(directory, "tmp"), { mode: 0o755 });
  });
  afterEach(async () => {
    // One that hangs must not outlive the test.
    for (const cluster of started.splice(0)) await cluster[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  function start(): Signet {
    const env = {
      PATH: process.env["PATH"],
      TMPDIR: join(directory, "tmp"),
      SIGNET_PORT: "0",
      SIGNET_TEST_POSTGRES_BIN: process.env["SIGNET_TEST_POSTGRES_BIN"],
    };
    const child = spawn(process.execPath, [join(ROOT, "dist/examples/cluster/main.js")], { cwd: directory, env });
    const cluster = Signet.adopt(child);
    started.push(cluster);
    return cluster;
  }

  /** The processes of its nodes. */
  const pidsIn = (out: string) => [...out.matchAll(/, process (\d+)$/gm)].map(([, pid]) => Number(pid));

  it("kills a node under its watchers, loses nothing, stays up, and leaves nothing behind", async () => {
    const cluster = start();
    await cluster.line(/docs\/scale\.md goes on from here/);
    const { out } = cluster;
    expect(out).toMatch(/all 12 runtimes verified sequence 10, \d+ ms after the last answer/);
    expect(out).toMatch(/[1-9]\d* runtimes lost their stream, and came back through the balancer/);
    expect(out).toMatch(/all 12 runtimes verified sequence 20, \d+ ms after the last answer/);
    expect(out).toMatch(/pushes in all: 12 of 12 runtimes never went back, and end on the newest/);
    expect(out).not.toMatch(/signet_(adm|ci|rt)_|password/);
    const pids = pidsIn(out);
    expect(pids).toHaveLength(3);

    const [, lines = ""] = /In another terminal, here:\n\n(.*)\n\ndocs\/scale/s.exec(out) ?? [];
    const { stdout } = await inAnotherTerminal(lines);
    expect(stdout).toMatch(/^21 +\* +21 +publish/m);

    expect(await cluster.stop("SIGINT")).toBe(0);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it.each([
    ["starts", /1\. PostgreSQL/],
    ["publishes", /3\. Publish/],
  ])("ends on Ctrl-C while it %s", async (_, moment) => {
    const cluster = start();
    await cluster.line(moment);
    expect(await cluster.stop("SIGINT")).toBe(0);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
    for (const pid of pidsIn(cluster.out)) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  /** Runs lines as a reader pastes them into a checkout. */
  async function inAnotherTerminal(lines: string): Promise<{ stdout: string }> {
    const bin = join(directory, "bin");
    await mkdir(bin);
    const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, "dist/src/main.js")}" "$@"\n`;
    await writeFile(join(bin, "npx"), npx, { mode: 0o755 });
    await symlink(join(ROOT, "examples"), join(directory, "examples"));
    const env = { PATH: `${bin}:${process.env["PATH"]}` };
    return await promisify(execFile)("sh", ["-euc", lines], { cwd: directory, env });
  }
});
