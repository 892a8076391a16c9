import { existsSync } from "node:fs";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startServer } from "../src/server/server.js";
import { pino } from "pino";
import { testConfig } from "./support/server.js";

const MAIN = join(import.meta.dirname, "../dist/src/main.js");
const UP = /The server stays up at (http:\/\/127\.0\.0\.1:\d+)/;

/** A quickstart in a process of its own, as `npm run quickstart` starts it. */
class Quickstart {
  out = "";
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;
  #wake = () => {};
  #ended = false;

  constructor(directory: string, settings: Readonly<Record<string, string>> = {}) {
    const env = { PATH: process.env["PATH"], SIGNET_PORT: "0", ...settings };
    this.#child = spawn(process.execPath, [MAIN, "quickstart"], { cwd: directory, env });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.out += text;
        this.#wake();
      });
    }
    this.exit = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        this.#ended = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  /** Resolves with what matched; rejects when it ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`ended without ${pattern}: ${this.out}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

describe("the quickstart", () => {
  let directory = "";
  const started: Quickstart[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-quickstart-"));
  });
  afterEach(async () => {
    for (const quickstart of started.splice(0)) {
      quickstart.kill();
      await quickstart.exit;
    }
    await rm(directory, { recursive: true, force: true });
  });
  function start(settings: Readonly<Record<string, string>> = {}): Quickstart {
    const quickstart = new Quickstart(directory, settings);
    started.push(quickstart);
    return quickstart;
  }

  it("publishes, promotes and rolls back, each push verified, stays up, and ends on Ctrl-C; twice", async () => {
    for (const audited of [/4\. Audit: \d+ events, the chain holds/, /4\. Audit: \d+ events, the chain holds/]) {
      const quickstart = start();
      const [, url] = await quickstart.says(UP);
      const pushes = quickstart.out
        .split("\n")
        .filter((line) => /sequence \d+ +verified by the runtime in \d+ ms$/.test(line));
      expect(pushes).toHaveLength(3);
      expect(quickstart.out).toMatch(audited);
      expect(quickstart.out).not.toMatch(/failed|refused|signet_(adm|ci|rt)_\w{8}_\w/);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      quickstart.interrupt();
      expect(await quickstart.exit).toBe(0);
      await expect(fetch(`${url}/readyz`)).rejects.toThrow();
    }
    expect(await readdir(directory)).toEqual(["data"]);
  });

  it("takes a free port when the one that was asked for is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const quickstart = start({ SIGNET_PORT: String(port) });
    const [, url] = await quickstart.says(UP);
    expect(quickstart.out).toContain(`port ${port} is in use; using a free one`);
    expect(url).not.toContain(`:${port}`);
    quickstart.interrupt();
    expect(await quickstart.exit).toBe(0);
    other.close();
  });

  it("ends with a clear text while another server has the data directory, and leaves that one alone", async () => {
    const config = testConfig({ SIGNET_DATA: join(directory, "data") });
    await using server = await startServer(config, pino({ level: "silent" }));
    const quickstart = start();
    expect(await quickstart.exit).toBe(5);
    expect(quickstart.out).toMatch(/signet: the data directory .* is in use by another signet process/);
    expect(quickstart.out).not.toMatch(/\n +at |AppError/);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ["a data directory of its own", { SIGNET_DATA: "it's here/data" }],
    ["an admin token that the operator chose", { SIGNET_ADMIN_TOKEN: "chosen-admin-token-of-32-characters" }],
  ])("prints lines that work in another terminal, with %s", async (_, settings) => {
    await mkdir(join(directory, "it's here"));
    const quickstart = start(settings);
    await quickstart.says(/README\.md goes on from here/);
    const [, lines = ""] = /In another terminal, here:\n\n(.*)\n\nBe a runtime/s.exec(quickstart.out) ?? [];
    expect(lines).not.toContain("chosen-admin-token");
    const commands = join(directory, "bin");
    await mkdir(commands);
    const signet = join(import.meta.dirname, "../dist/src/main.js");
    await writeFile(join(commands, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${signet}" "$@"\n`, {
      mode: 0o755,
    });
    const policies = join(import.meta.dirname, "../examples");
    await symlink(policies, join(directory, "examples"));
    const env = { PATH: `${commands}:${process.env["PATH"]}`, SIGNET_ADMIN_TOKEN: settings["SIGNET_ADMIN_TOKEN"] };
    const { stdout } = await promisify(execFile)("sh", ["-euc", lines], { cwd: directory, env });
    expect(stdout).toContain('"key_type":"admin"');
  });

  /** Loaded by each process first: the runtime says by a file that it exists, before it could connect. */
  const PRELOAD =
    'if (process.argv[2] === "watch") require("fs").writeFileSync(process.env.NODE_OPTIONS.split(" ")[1] + ".started", "");';

  it.each([
    ["before its runtime starts", /2\. Runtime/],
    ["while its runtime starts", null],
    ["between two steps", /3\. Publish/],
  ])("ends on Ctrl-C %s", async (_, moment) => {
    const preload = join(directory, "preload.cjs");
    await writeFile(preload, PRELOAD);
    const quickstart = start({ NODE_OPTIONS: `--require ${preload}` });
    if (moment === null) await expect.poll(() => existsSync(`${preload}.started`), { timeout: 30_000 }).toBe(true);
    else await quickstart.says(moment);
    quickstart.interrupt();
    expect(await quickstart.exit).toBe(0);
  });
});
