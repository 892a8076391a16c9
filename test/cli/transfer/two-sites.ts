import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { runSignet, type RunOptions, type RunResult } from "../in-process.js";

/** Two servers that never meet, and a folder for what is carried between them. */
export class TwoSites {
  folder = "";
  there!: TestServer;
  here!: TestServer;

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Runs a command against a server, as its administrator unless another token is given. */
  async at(
    server: TestServer,
    argv: readonly string[],
    token = ADMIN_TOKEN,
    more: RunOptions = {},
  ): Promise<RunResult> {
    return await runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token }, ...more });
  }

  /** As `at`, for a command that succeeds. */
  async done(server: TestServer, argv: readonly string[]): Promise<RunResult> {
    const result = await this.at(server, argv);
    expect(result.exitCode, result.err).toBe(0);
    return result;
  }

  /** Publishes at the other site. */
  async publish(policies: unknown, env = "prod"): Promise<void> {
    await writeFile(this.file("policy.json"), JSON.stringify(policies));
    await this.done(this.there, ["publish", "--env", env, "-f", this.file("policy.json")]);
  }

  /** Carries the other site's keys here, and trusts them. */
  async trust(name = "hq"): Promise<void> {
    const { out } = await this.done(this.there, ["keys", "--pem"]);
    await writeFile(this.file("keys.pem"), out);
    await this.done(this.here, ["trust-origin", "add", name, "--keys", this.file("keys.pem")]);
  }

  /** Writes an export, and returns its bytes. */
  async export(name: string, ...options: readonly string[]): Promise<Buffer> {
    await this.done(this.there, ["export", "--env", "prod", "-o", this.file(name), ...options]);
    return await readFile(this.file(name));
  }
}

/** One pair for the tests of a file. */
export function useTwoSites(): TwoSites {
  const sites = new TwoSites();
  beforeAll(async () => {
    sites.folder = await mkdtemp(join(tmpdir(), "signet-transfer-"));
    sites.there = await startTestServer();
    sites.here = await startTestServer();
  });
  afterAll(async () => {
    await sites.there[Symbol.asyncDispose]();
    await sites.here[Symbol.asyncDispose]();
    await rm(sites.folder, { recursive: true, force: true });
  });
  return sites;
}
