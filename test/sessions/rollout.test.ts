import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtExecutable, runExecutable, startExecutable } from "../support/executable.js";

const directory = mkdtempSync(join(tmpdir(), "signet-rollout-"));
const file = (name: string) => join(directory, name);

beforeAll(builtExecutable, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A public key of nobody here. */
function foreignKey(): string {
  return generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
}

describe("a rollout, on the executable alone", () => {
  // What the operator types: 1 publish, 2 rollout status, 3 publish --wait.
  it("names the instance that rejects and why; when it trusts the key, publish --wait ends with 0: 3 steps", async () => {
    await using server = await startExecutable(directory, ["serve", "--port", "0", "--data", "data"]);
    const [url = ""] = /http:\S+/.exec(await server.line(/listening on/)) ?? [];
    const operator = { SIGNET_URL: url, SIGNET_DATA: "data" };
    const signet = (argv: readonly string[]) => runExecutable(directory, argv, operator);
    const ok = async (argv: readonly string[]) => {
      const { exitCode, out, err } = await signet(argv);
      expect(exitCode, err).toBe(0);
      return out;
    };
    writeFileSync(file("policy.json"), '{"limit":1}');
    await ok(["publish", "--env", "prod", "-f", "policy.json"]);

    // Three runtimes; one of them pins the key of another server.
    const token = (await ok(["token", "create", "--runtime", "--env", "prod", "--name", "fleet"])).trim();
    const key = await ok(["keys", "--pem", "--env", "prod"]);
    const runtime = { SIGNET_URL: url, SIGNET_TOKEN: token };
    const watch = async (name: string, pem: string) => {
      writeFileSync(file(`${name}.pem`), pem);
      return await startExecutable(directory, ["watch", "--instance", name, "--keys", `${name}.pem`], runtime);
    };
    await using a = await watch("edge-a", key);
    await using b = await watch("edge-b", key);
    await using c = await watch("edge-c", foreignKey());
    await Promise.all([a.line(/verified/), b.line(/verified/), c.line(/REJECTED/)]);

    const rejected = await signet(["rollout", "status", "--env", "prod", "--wait", "--timeout", "1m"]);
    expect(rejected.out).toContain("prod: sequence 1 (version 1): applied by 2 of 3 live instances, 1 rejected\n");
    expect(rejected.out).toMatch(/^edge-c +rejected .*unknown_key: /m);
    expect(rejected.out).not.toMatch(/edge-a|edge-b/);
    expect(rejected.exitCode).toBe(9);

    writeFileSync(file("edge-c.pem"), key);
    writeFileSync(file("policy.json"), '{"limit":2}');
    const out = await ok(["publish", "--env", "prod", "-f", "policy.json", "--wait", "--wait-timeout", "1m"]);
    expect(out).toContain("prod: sequence 2 (version 2): applied by 3 of 3 live instances\n");
  });
});
