import { createPrivateKey, sign } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { boundedEnvelope } from "../../../src/bundle/trust/threshold.js";
import { ORG, People, PROJECT } from "./people.js";

describe("signet trust", () => {
  it("makes root 1 of the server's keys and a new root key, whose file only its owner can read", async () => {
    using people = new People();
    await people.init();
    expect(statSync(people.file("root.key")).mode & 0o777).toBe(0o600);
    const shown = await people.json("trust show --dir @trust");
    expect(shown).toMatchObject({ expired: false, missing: null, draft: null });
    const { root } = shown as { root: { keys: object; expires_at: string } };
    expect(root).toMatchObject({ org_id: ORG, project_id: PROJECT, version: 1, rollback: "server" });
    expect(Object.keys(root.keys)).toHaveLength(2);
    expect(people.read("trust/1.root.json")).toBe(people.read("trust/root.json"));
    expect(existsSync(people.file("trust/draft.json"))).toBe(false);
    const { out } = await people.run("trust show --dir @trust");
    expect(out).toContain("activation  all others   1 of server");
    expect(out).toContain("release     all others   none needed");
  });

  it("says what to do with the files that init made", async () => {
    using people = new People();
    const { out, exitCode } = await people.run(
      `trust init --dir @trust --keys @server.pub --key-out @my.key --no-passphrase --org ${ORG} --project ${PROJECT} --expires 90d`,
    );
    expect(exitCode).toBe(0);
    expect(out).toMatch(/expires +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \(in (89|90) days\)/);
    expect(out).toContain(`give ${people.file("trust/root.json")} to every runtime`);
    expect(out).toContain(`take ${people.file("my.key")} away from this machine`);
  });

  it.each([
    ["trust init --dir @trust --keys @server.pub --no-passphrase", "has a root already", 6],
    ["trust new-key @root.key --no-passphrase", "exists already and is not overwritten", 6],
    ["trust add-key @none.pub --role release --dir @trust", "no such file", 6],
    ["trust add-key @trust/root.json --role release --dir @trust", "not a PEM", 6],
    ["trust add-key @alice.pub --role author --dir @trust", "Allowed choices", 2],
    ["trust add-key @alice.pub --role root --env prod --dir @trust", "the same in all environments", 6],
    ["trust add-key @alice.pub --role release --env Prod --dir @trust", "not the name of an environment", 2],
    ["trust add-key @alice.pub --role release --name root --dir @trust", "the name of another key", 6],
    ["trust remove-key root --dir @trust", "root would need 1 signatures, and no key may give one", 6],
    ["trust remove-key nobody --dir @trust", 'no key "nobody" in the root; it has root (', 6],
    ["trust threshold release 1 --dir @trust", "add a key before", 6],
    ["trust threshold activation 0 --dir @trust", "activation needs at least 1 signature", 6],
    ["trust rule --dir @trust", "pass a role, or --rollback", 2],
    ["trust rule release --dir @trust", "pass --keys, --threshold or both", 2],
    ["trust rule release --remove --dir @trust", "pass --env", 2],
    ["trust revoke abc --dir @trust", "neither a SHA-256", 6],
    ["trust renew --expires 2020-01-01 --dir @trust", "in the future", 2],
    ["trust sign --key @root.key --dir @trust", "nothing waits to be signed", 6],
    ["trust accept --dir @trust", "nothing waits to be signed", 6],
    ["trust show --dir @elsewhere", "signet trust init makes one", 6],
  ])("refuses %s", async (command, says, code) => {
    using people = new People("alice");
    await people.init();
    const identity = command.startsWith("trust init") ? ` --org ${ORG} --project ${PROJECT}` : "";
    const { exitCode, out, err } = await people.run(command + identity);
    expect(err).toContain(says);
    expect({ exitCode, out }).toEqual({ exitCode: code, out: "" });
    expect(existsSync(people.file("trust/draft.json"))).toBe(false);
  });

  it("says what a draft changes, before and after it is signed", async () => {
    using people = new People("alice", "bob");
    await people.init();
    await people.json("trust add-key @alice.pub --role release --dir @trust");
    await people.json("trust add-key @bob.pub --role root release --dir @trust");
    await people.json("trust threshold release 2 --env prod --dir @trust");
    await people.json("trust rule --rollback release --dir @trust");
    const digest = "ab".repeat(32);
    const { changes } = await people.json(`trust revoke sha256:${digest} --dir @trust`);
    expect(changes).toEqual([
      expect.stringMatching(/^bob \([0-9a-f]{16}\) may sign root$/),
      expect.stringMatching(/^alice \([0-9a-f]{16}\) may sign release$/),
      expect.stringMatching(/^bob \([0-9a-f]{16}\) may sign release$/),
      "release of prod has a rule of its own: 2 of alice, bob",
      "rollback: only by a new release of the authors",
      `revokes ${digest}`,
      ...(changes as string[]).slice(6),
    ]);
    const { out, err } = await people.run("trust sign --key @root.key --dir @trust");
    expect(err).toContain(`root 2 of project ${PROJECT}, organization ${ORG}, changes:`);
    for (const change of changes as string[]) expect(err).toContain(change);
    expect(out).toContain("root 1: 1 of 1 signatures (root)");
    expect(out).toContain("root 2: 1 of 1 signatures (root)");
    await people.json("trust accept --dir @trust");
    expect(await people.json("trust verify --dir @trust")).toMatchObject({
      valid: true,
      roots: [{ version: 1 }, { version: 2 }],
    });
    const undone = await people.json(`trust revoke ${digest} --undo --dir @trust`);
    expect(undone["changes"]).toContain(`NO LONGER REVOKES ${digest}`);
    const removed = await people.json("trust rule release --env prod --remove --dir @trust");
    expect(removed["changes"]).toContain("release of prod follows the rule for all environments");
  });

  it("is signed by two people in two directories, one after the other or each for himself", async () => {
    using people = new People("alice", "bob", "carol");
    await people.json(
      `trust init --dir @trust --keys @server.pub --root-keys ${people.file("alice.pub")} ${people.file("bob.pub")} --threshold 2 ` +
        `--org ${ORG} --project ${PROJECT}`,
    );
    mkdirSync(people.file("bob"));
    copyFileSync(people.file("trust/draft.json"), people.file("bob/draft.json"));
    const first = await people.json("trust sign --key @alice.key --dir @trust");
    expect(first).toMatchObject({ complete: false, missing: "1 more of bob" });
    const early = await people.run("trust accept --dir @trust");
    expect(early).toMatchObject({ exitCode: 8, out: "" });
    expect(early.err).toContain("1 more of bob must sign");
    const stranger = await people.run("trust sign --key @carol.key --dir @trust");
    expect(stranger.err).toContain("may sign neither root 1");
    expect(stranger.exitCode).toBe(6);
    // One key twice is one signature.
    expect(await people.json("trust sign --key @alice.key --dir @trust")).toMatchObject({ complete: false });
    await people.json("trust sign --key @bob.key --dir @bob");
    const merged = await people.json("trust add-signature @bob/draft.json --dir @trust");
    expect(merged).toMatchObject({ complete: true, missing: null });
    expect(boundedEnvelope(people.read("trust/draft.json").trim()).signatures).toHaveLength(2);
    await people.json("trust accept --dir @trust");
    // A change takes the signatures away, and both must sign it.
    await people.json("trust renew --expires 2y --dir @trust");
    await people.json("trust sign --key @alice.key --dir @trust");
    await people.json("trust threshold root 1 --dir @trust");
    expect(boundedEnvelope(people.read("trust/draft.json").trim()).signatures).toHaveLength(0);
    expect(await people.json("trust sign --key @bob.key --dir @trust")).toMatchObject({ missing: "1 more of alice" });
    await people.accept("alice");
    expect(await people.json("trust show --dir @trust")).toMatchObject({ root: { version: 2 } });
  });

  it("takes a signature that a device made over the bytes of message", async () => {
    using people = new People("alice");
    await people.json(
      `trust init --dir @device --keys @server.pub --root-keys ${people.file("alice.pub")} --org ${ORG} --project ${PROJECT}`,
    );
    await people.json("trust message -o @message.bin --dir @device");
    const signature = sign(null, readFileSync(people.file("message.bin")), createPrivateKey(people.read("alice.key")));
    people.write("wrong.sig", Buffer.alloc(64, 1).toString("base64"));
    people.write("message.sig", signature.toString("base64"));
    const wrong = await people.run("trust add-signature --public-key @alice.pub --signature @wrong.sig --dir @device");
    expect(wrong.exitCode).toBe(8);
    const added = await people.json(
      "trust add-signature --public-key @alice.pub --signature @message.sig --dir @device",
    );
    expect(added).toMatchObject({ complete: true });
  });

  it("does not follow a gap, a stranger's root, one that expired, or two of one version", async () => {
    using people = new People("mallory");
    await people.init();
    await people.json("trust renew --dir @trust --expires 2y");
    await people.accept("root");
    const failed = async (says: string, command = "trust verify --dir @trust") => {
      const { exitCode, out, err } = await people.run(command);
      expect(err).toContain(says);
      expect({ exitCode, out }).toEqual({ exitCode: 8, out: "" });
    };
    const second = people.read("trust/2.root.json");
    await people.forge("trust/2.root.json", (root) => ({ ...root, version: 3 }), "root");
    people.write("trust/root.json", people.read("trust/2.root.json"));
    await failed("2.root.json: root 3 does not follow root 1");
    people.write("trust/2.root.json", second);
    await people.forge("trust/2.root.json", (root) => ({ ...root, rollback: "release" }), "mallory");
    people.write("trust/root.json", people.read("trust/2.root.json"));
    await failed("signatures that it needs");
    people.write("trust/2.root.json", second);
    await people.forge("trust/root.json", (root) => ({ ...root, rollback: "release" }), "root");
    await failed("different roots of version 2");
    people.write("trust/2.root.json", second);
    await people.forge(
      "trust/2.root.json",
      (root) => ({ ...root, expires_at: "2020-01-01T00:00:00Z", rollback: "server" }),
      "root",
    );
    people.write("trust/root.json", people.read("trust/2.root.json"));
    await failed("root 2 ran out at 2020-01-01T00:00:00Z");
    expect((await people.run("trust show --dir @trust")).out).toContain("EXPIRED");
    // A root that ran out can still be renewed by those who have its keys.
    await people.json("trust renew --dir @trust");
    await people.accept("root");
    expect((await people.run("trust verify --dir @trust")).exitCode).toBe(0);
  });

  it("refuses a root file whose bytes were changed, wherever it is read", async () => {
    using people = new People("alice");
    await people.init();
    const envelope = JSON.parse(people.read("trust/root.json")) as { payload: string };
    const payload = Buffer.from(envelope.payload, "base64").toString().replace('"server"', '"release"');
    people.write("trust/root.json", JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString("base64") }));
    for (const command of ["show", "verify", "add-key @alice.pub --role root", "renew"]) {
      const { exitCode, out, err } = await people.run(`trust ${command} --dir @trust`);
      expect(err).toContain("root.json: application/vnd.signet.root+json has 0 of the 1 signatures");
      expect({ command, exitCode, out }).toEqual({ command, exitCode: 8, out: "" });
    }
  });

  it("refuses a draft that is not the next version", async () => {
    using people = new People("alice");
    await people.init();
    await people.json("trust renew --dir @trust");
    people.write("other.json", people.read("trust/draft.json"));
    await people.accept("root");
    people.write("trust/draft.json", people.read("other.json"));
    for (const command of ["sign --key @root.key", "accept", "renew"]) {
      const { exitCode, err } = await people.run(`trust ${command} --dir @trust`);
      expect(err).toContain("is version 2, and version 3 is next");
      expect(exitCode).toBe(2);
    }
  });

  it("shows names of keys so that they cannot control a terminal", async () => {
    using people = new People("alice");
    await people.init();
    const named = (name: string) =>
      people.forge(
        "trust/root.json",
        (root) => ({ ...root, names: Object.fromEntries(Object.keys(root["keys"] as object).map((id) => [id, name])) }),
        "root",
      );
    await named("mal\u202elory\u2028");
    for (const command of ["show", "verify @trust/root.json", "remove-key nobody", "renew"]) {
      const { out, err } = await people.run(`trust ${command} --dir @trust`);
      expect(out + err).not.toMatch(/[\u202e\u2028]/);
      if (command !== "renew") expect(out + err).toContain("mal\\u202elory\\u2028");
    }
    await named("mal\u001b[2Jlory");
    const { exitCode, err } = await people.run("trust show --dir @trust");
    expect(err).toContain("root.names must be");
    expect(exitCode).toBe(8);
  });
});
