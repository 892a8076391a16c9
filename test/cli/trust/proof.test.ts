import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { runSignet, type RunOptions, type RunResult } from "../in-process.js";
import { People } from "./people.js";

const FAR = "2099-01-01T00:00:00Z";

describe("what verify and watch prove by a root", () => {
  let server: TestServer;
  const people = new People("mallory");
  let runtimeToken = "";
  const as = (token: string): RunOptions => ({ environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token } });
  const run = async (command: string, token = ADMIN_TOKEN): Promise<RunResult> => await people.run(command, as(token));

  beforeAll(async () => {
    server = await startTestServer();
    people.write("policy.json", '{"rules": [{"id": "a", "limit": 1.50}]}');
    await people.json("trust init --dir @trust --key-out @root.key --no-passphrase", as(ADMIN_TOKEN));
    runtimeToken = await runtimeTokenOf(server);
  });
  afterAll(async () => {
    people[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  it("says that nothing is active, to a runtime with proof", async () => {
    const nothing = await run("verify --root @trust/root.json", runtimeToken);
    expect(nothing.err).toBe("");
    expect(nothing.out).toMatch(/^proven\nenvironment +dev of project .*\ncontent +nothing is active\n/);
    expect((await run("verify --root @trust/root.json --env dev")).exitCode).toBe(4);
    expect((await run("verify --root @trust/root.json")).err).toContain("pass --env");
  });

  it("says what is active, who signed it and until when, to every token", async () => {
    await run("publish --env dev -f @policy.json");
    for (const [command, token] of [
      ["verify --root @trust/root.json", runtimeToken],
      ["verify --root @trust/root.json --env dev", ADMIN_TOKEN],
    ] as const) {
      const { out, exitCode } = await run(`${command} --json`, token);
      expect(exitCode).toBe(0);
      const proof = JSON.parse(out) as { proven_until: string; lease: { expires_at: string } };
      expect(proof).toMatchObject({
        valid: true,
        environment: "dev",
        root: { version: 1 },
        activation: { sequence: 1, version: 1, kind: "publish", signed_by: [{ name: "server" }] },
        lease: { sequence: 1, signed_by: [{ name: "server" }] },
        release: null,
      });
      expect(proof.proven_until).toBe(proof.lease.expires_at);
      const words = await run(command, token);
      expect(words.out).toContain("signed by server (");
      expect(words.out).toContain("whoever may publish on the server");
    }
  });

  it("verifies files without a server, as of a time", async () => {
    const get = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`, { headers: { Authorization: `Bearer ${runtimeToken}` } });
      expect(answer.status).toBe(200);
      return await answer.text();
    };
    people.write("attestation.json", await get("/v1/bundles/latest/attestation"));
    people.write("bundle.json", await get("/v1/bundles/latest"));
    people.write("bundle-with-newline.json", `${people.read("bundle.json")}\n`);
    people.write("content.json", await get("/v1/bundles/latest/content"));
    people.write("changed.json", people.read("content.json").replace('"a"', '"b"'));
    people.write("changed-bundle.json", people.read("bundle.json").replace('"bundle_version":1', '"bundle_version":2'));
    const offline = async (file: string, more = "--env dev", root = "@trust/root.json") =>
      await people.run(`verify --root ${root} @${file} --attestation @attestation.json ${more}`);
    for (const file of ["bundle.json", "bundle-with-newline.json", "content.json"]) {
      const { exitCode, err } = await offline(file);
      expect({ file, exitCode, err }).toEqual({ file, exitCode: 0, err: "" });
    }
    const refused = async (says: string, ...args: Parameters<typeof offline>) => {
      const { exitCode, out, err } = await offline(...args);
      expect(err).toContain(says);
      expect({ exitCode, out }).toEqual({ exitCode: 8, out: "" });
    };
    await refused("the content is not the activation's", "changed.json");
    await refused("the document is not the one that the activation names", "changed-bundle.json");
    await refused("is of environment dev, not prod", "content.json", "--env prod");
    await refused(
      "the lease ran out",
      "content.json",
      `--env dev --at ${new Date(Date.now() + 3_600_000).toISOString()}`,
    );
    await refused("root 1 ran out", "content.json", `--env dev --at ${FAR}`);
    await refused("the root is of", "content.json", "--env dev --project 2b0c0d0e-0000-4000-8000-000000000001");
    people.write("forged.json", people.read("trust/root.json"));
    await people.forge("forged.json", (root) => ({ ...root, version: 1 }), "mallory");
    await refused("has 0 of the 1 signatures", "content.json", "--env dev", "@forged.json");
    expect((await offline("content.json", "--json")).err).toContain("pass --env");
  });

  it("follows a root that was changed since, from the server or the files beside it", async () => {
    people.write("old.json", people.read("trust/1.root.json"));
    await people.json("trust renew --dir @trust --expires 2y");
    await people.json("trust sign --dir @trust --key @root.key");
    await people.json("trust publish --dir @trust", as(ADMIN_TOKEN));
    const followed = await people.json("verify --root @old.json", as(runtimeToken));
    expect(followed).toMatchObject({ root: { version: 2 } });
    expect(await people.json("verify --root @old.json --env dev", as(ADMIN_TOKEN))).toMatchObject({
      root: { version: 2 },
    });
  });

  it("is watched, kept, and started from", async () => {
    const watch = "watch --root @trust/root.json --state @state --out @watched.json --instance w1";
    const first = await run(`${watch} --count 1`, runtimeToken);
    expect(first.exitCode).toBe(0);
    expect(first.out).toMatch(
      /^sequence=1 version=1 kind=publish hash=sha256:[0-9a-f]{64} .* proven until=\d{4}-.*Z\n$/,
    );
    expect(people.read("watched.json")).toBe(people.read("content.json"));
    const ended = new AbortController();
    const again = await people.run(`${watch} --json`, {
      ...as(runtimeToken),
      signal: ended.signal,
      onOut: () => ended.abort(0),
    });
    expect(JSON.parse(again.out)).toMatchObject({ event: "activation", from: "cache", sequence: 1, verified: true });
  });

  it.each([
    ["watch --state @state", "--state goes with --root"],
    ["watch --root @trust/root.json --keys @server.pub --after 3", "--keys, --after cannot go with --root"],
    ["verify --root @trust/root.json --keys @server.pub", "pass --keys or --root, one of them"],
    ["verify @policy.json --keys @server.pub --at 2026-01-01", "--attestation and --at go with --root"],
    ["verify --root @trust/root.json --attestation @policy.json", "--attestation goes with a file"],
    ["verify --root @trust/root.json @policy.json --url http://127.0.0.1:1", '--url has no effect on "verify"'],
    ["watch --root @trust/root.json --project other", "the root is of"],
  ])("refuses %s", async (command, says) => {
    const { exitCode, out, err } = await run(command, runtimeToken);
    expect(err).toContain(says);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
  });

  it("ends when the server does not know the token", async () => {
    const { exitCode, err } = await run("watch --root @trust/root.json --env dev", "signet_rt_nobody");
    expect(exitCode).toBe(3);
    expect(err).toContain("token");
  });

  it("refuses what another server says, with its code", async () => {
    await using other = await startTestServer();
    const { projectId, orgId } = other;
    await other.admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: "{}", activate: true });
    const environment = { SIGNET_URL: other.url, SIGNET_TOKEN: await runtimeTokenOf(other) };
    const watched = await runSignet(
      ["watch", "--root", people.file("trust/root.json"), "--env", "dev", "--count", "1", "--json"],
      { environment },
    );
    expect(watched.exitCode).toBe(8);
    expect(JSON.parse(watched.out)).toMatchObject({ event: "rejected", verified: false, reason: "bad_signature" });
    const verified = await runSignet(["verify", "--root", people.file("trust/root.json"), "--json"], { environment });
    expect(JSON.parse(verified.err)).toMatchObject({ error: "bad_signature", exit_code: 8 });
  });
});

async function runtimeTokenOf({ admin, orgId, projectId }: TestServer): Promise<string> {
  const { rawKey } = await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId: "dev" });
  return rawKey ?? "";
}
