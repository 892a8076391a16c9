import { cpSync, existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import type { RunResult } from "../in-process.js";
import { People } from "./people.js";

describe("signet trust and release with a server", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  /** A project of its own for each test. */
  async function inProject(name: string, ...people: readonly string[]) {
    await server.admin.organizations.createProject({ orgId: server.orgId, name });
    const files = new People(...people);
    files.write("policy.json", '{"rules": [{"id": "a"}]}');
    files.write("other.json", '{"rules": []}');
    const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN, SIGNET_PROJECT: name };
    const run = async (command: string): Promise<RunResult> => await files.run(command, { environment });
    const json = async (command: string) => await files.json(command, { environment });
    const accepted = async (...keys: readonly string[]) => {
      for (const key of keys) await json(`trust sign --dir @trust --key @${key}.key`);
      return await json("trust publish --dir @trust");
    };
    return { files, run, json, publishSigned: accepted, [Symbol.dispose]: () => files[Symbol.dispose]() };
  }

  const INIT = "trust init --dir @trust --key-out @root.key --no-passphrase";

  it("sets up a project in one command", async () => {
    using at = await inProject("one-command");
    const { out, err, exitCode } = await at.run(INIT);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(out).toContain(`give ${at.files.file("trust/root.json")} to every runtime`);
    expect(out).toContain(`take ${at.files.file("root.key")} away from this machine`);
    expect(existsSync(at.files.file("trust/draft.json"))).toBe(false);
    const status = await at.run("trust status");
    expect(status.out).toMatch(/root +1\n/);
    expect(status.out).toMatch(/signed by +root\n/);
    expect(await at.json("trust publish --dir @trust")).toMatchObject({ version: 1, connected_runtimes: 0 });
    const twice = await at.run("trust init --dir @again --key-out @again.key --no-passphrase");
    expect(twice.err).toContain("the project has root 1 already");
    expect(twice).toMatchObject({ exitCode: 5, out: "" });
    expect(existsSync(at.files.file("again.key"))).toBe(false);
  });

  it("keeps key and draft of an init that the server refuses, and publishes them later", async () => {
    using at = await inProject("later");
    const { rawKey = "" } = await server.admin.tokens.createCiToken({ orgId: server.orgId, projectId: "later" });
    const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: rawKey, SIGNET_PROJECT: "later" };
    const refused = await at.files.run(INIT, { environment });
    expect(refused.err).toContain("are kept: signet trust publish tries again");
    expect(refused).toMatchObject({ exitCode: 3, out: "" });
    expect(await at.json("trust publish --dir @trust")).toMatchObject({ version: 1 });
    expect(existsSync(at.files.file("trust/root.json"))).toBe(true);
    expect(existsSync(at.files.file("trust/draft.json"))).toBe(false);
  });

  it("takes two authors for prod: a content that one signed is refused, with who is missing", async () => {
    using at = await inProject("two-authors", "alice", "bob");
    await at.json(INIT);
    for (const who of ["alice", "bob"]) await at.json(`trust add-key @${who}.pub --role release --dir @trust`);
    await at.json("trust threshold release 1 --dir @trust");
    await at.json("trust threshold release 2 --env prod --dir @trust");
    expect(await at.publishSigned("root")).toMatchObject({ version: 2 });

    const none = await at.run("publish --env dev -f @policy.json");
    expect(none.exitCode).toBe(6);
    expect(none.err).toContain("alice");
    const create =
      "release create -f @policy.json --environments dev staging prod -o @release.json --root @trust/root.json";
    await at.json(create);
    const sign = "release sign @release.json -f @policy.json --root @trust/root.json --key";
    await at.json(`${sign} @alice.key`);
    await at.json("publish --env dev -f @policy.json --release @release.json");
    await at.json("promote --from dev");
    const one = await at.run("promote --from staging --json");
    expect(one.exitCode).toBe(6);
    expect(JSON.parse(one.err)).toMatchObject({ error: "release_missing" });
    expect(one.err).toContain("signet release create");
    expect(one.err).toContain("bob");

    await at.json(`${sign} @bob.key`);
    const uploaded = await at.run("release upload @release.json");
    expect(uploaded.out).toMatch(/prod +2 of 2 +yes/);
    await at.json("promote --from staging");
    expect((await at.run("release list")).out).toMatch(/dev prod staging|dev staging prod/);
    const other = await at.run("publish --env prod -f @other.json --release @release.json");
    expect(other.exitCode).toBe(6);
    const status = await at.run("trust status");
    expect(status.out).toMatch(/prod +2 of alice, bob +\d+ +[0-9a-f]{16}/);

    // Everything of it again with the content revoked.
    await at.json("trust revoke @release.json --dir @trust");
    await at.json("trust sign --dir @trust --key @root.key");
    const stops = await at.run("trust publish --dir @trust --json");
    expect(JSON.parse(stops.err)).toMatchObject({ error: "root_stops_runtimes", exit_code: 5 });
    expect(stops.err).toContain("or pass --force");
    const forced = await at.run("trust publish --dir @trust --force");
    expect(forced.out).toContain("published root 3: 0 connected runtimes get it now");
    expect(forced.err).toContain("warning: ");
  });

  it("pulls what another administrator published, and does not lose a draft that is late", async () => {
    using at = await inProject("two-admins", "alice");
    await at.json(INIT);
    cpSync(at.files.file("trust"), at.files.file("bob"), { recursive: true });
    await at.json("trust add-key @alice.pub --role root --dir @trust");
    await at.json("trust renew --dir @bob --expires 3y");
    await at.publishSigned("root");
    await at.json("trust sign --dir @bob --key @root.key");
    const late = await at.run("trust publish --dir @bob");
    expect(late.exitCode).toBe(6);
    const pulled = await at.json("trust pull --dir @bob");
    expect(pulled).toMatchObject({ version: 2, from_version: 1 });
    expect(pulled["changes"]).toContainEqual(expect.stringMatching(/^alice .* may sign root$/));
    expect(existsSync(at.files.file("bob/draft.json"))).toBe(true);
    expect((await at.run("trust renew --dir @bob")).err).toContain("is version 2, and version 3 is next");
    expect((await at.run("trust pull --dir @bob")).out).toBe("root 2 is the newest one\n");
  });

  it("sends roots that were accepted without the server, in order", async () => {
    using at = await inProject("offline");
    await at.json(INIT);
    for (const _ of [2, 3]) {
      await at.json("trust renew --dir @trust");
      await at.files.accept("root");
    }
    expect(await at.json("trust publish --dir @trust --dry-run")).toMatchObject({ version: 2, dry_run: true });
    expect(await at.json("trust publish --dir @trust")).toMatchObject({ version: 3, dry_run: false });
    expect(await at.json("trust verify --dir @trust")).toMatchObject({ roots: [{}, {}, { version: 3 }] });
  });

  it("asks the server for its keys", async () => {
    using at = await inProject("online-keys");
    await at.json(INIT);
    const same = await at.run("trust online-keys --dir @trust");
    expect(same.err).toContain("the root has these keys already");
    expect(same.exitCode).toBe(6);
    const kept = await at.json("trust online-keys --keep --keys @server.pub --dir @trust");
    expect((kept["changes"] as string[]).slice(0, 2)).toEqual([
      expect.stringMatching(/^server-2 .* may sign activation$/),
      expect.stringMatching(/^server-2 .* may sign lease$/),
    ]);
    await at.json("trust online-keys --keys @server.pub --dir @trust");
    await at.json("trust sign --dir @trust --key @root.key");
    const refused = await at.run("trust publish --dir @trust");
    // This server could not sign under it.
    expect(refused.exitCode).toBe(6);
  });
});
