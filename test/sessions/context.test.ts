import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runExecutable, startExecutable } from "../support/executable.js";

const folder = mkdtempSync(join(tmpdir(), "signet-session-context-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** No PATH, no HOME: the one file where contexts are kept is named. */
const environment = { SIGNET_CONFIG: join(folder, "mine/contexts.json") };

async function signet(argv: readonly string[], stdin = "") {
  const result = await runExecutable(folder, argv, environment, stdin);
  expect(result, argv.join(" ")).toMatchObject({ exitCode: 0, err: "" });
  return result.out;
}

describe("a command line with a memory", () => {
  it("four commands: login once, then publish, status and logout without any flag", { timeout: 120_000 }, async () => {
    writeFileSync(join(folder, "policy.json"), '{"max_tokens":100}');
    await using server = await startExecutable(folder, ["serve", "--port", "0", "--data", "data"]);
    const [, url = ""] = /listening on (.*)$/.exec(await server.line(/listening/)) ?? [];
    const token = readFileSync(join(folder, "data/admin-token"), "utf8");

    // 1: the only one that is told where, who and what.
    expect(await signet(["login", "--url", url, "--env", "dev"], token)).toContain("context local is the current one");
    expect(statSync(environment.SIGNET_CONFIG).mode & 0o777).toBe(0o600);

    // 2
    expect(await signet(["publish", "-f", "policy.json"])).toContain("published and activated version 1 in dev\n");

    // 3
    const status = await signet(["status"]);
    expect(status).toContain(`server        ${url}, ready, version `);
    expect(status).toMatch(/^dev +1 +1 +20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ +0 +0 +0 +0 +-$/m);
    expect(status).toMatch(/^prod +- +0 +- +0 +0 +0 +0 +-$/m);
    expect(await signet(["whoami"])).toMatch(/^organization +default \(/m);
    expect(await signet(["version"])).toMatch(new RegExp(`^server +\\S+ at ${url}$`, "m"));
    expect(await signet(["open"])).toBe(`${url}/console/\n`);
    expect(await signet(["__complete", "environments"])).toBe("dev\nstaging\nprod\n");

    // 4
    expect(await signet(["logout"])).toBe("logged out of context local\n");
    expect(readFileSync(environment.SIGNET_CONFIG, "utf8")).not.toContain(token.trim());
    // In an other directory than the server's, so that the file of its data directory is out of sight.
    const after = await runExecutable(tmpdir(), ["whoami"], environment);
    expect(after).toMatchObject({ exitCode: 3, out: "" });
    expect(after.err).toContain("run signet login");

    expect(await server.stop()).toBe(0);
    const down = await runExecutable(folder, ["status"], environment);
    expect(down.exitCode).toBe(7);
    expect(down.err).toContain(
      `is the server running at ${url}? Start one with signet serve, or name another with --url`,
    );
  });
});
