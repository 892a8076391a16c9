import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createNobleSigner } from "../../../src/bundle/ed25519-noble.js";
import { canonicalContent } from "../../../src/bundle/policy-hash.js";
import { boundedEnvelope } from "../../../src/bundle/trust/threshold.js";
import { promoteContent, readPolicyContent } from "../../../src/service/documents/policy-content.js";
import { People } from "./people.js";

const POLICY = '{"rules": [{"id": "pii", "limit": 100}], "b": 1, "a": "é"}';
const YAML = "rules:\n  - id: pii\n    limit: 100\nb: 1\na: é\n";
const SCOPED = '{"acme:*:*:dev": {"x": 1}, "acme:*:*:staging": {"x": 2}, "*:*:*:*": {}}';

/** Two authors of whom both must sign for prod, and one for the rest. */
async function authors(): Promise<People> {
  const people = new People("alice", "bob", "carol");
  people.write("policy.json", POLICY);
  people.write("policy.yaml", YAML);
  people.write("scoped.json", SCOPED);
  await people.init();
  await people.json("trust add-key @alice.pub --role release --dir @trust");
  await people.json("trust add-key @bob.pub --role release --dir @trust");
  await people.json("trust threshold release 1 --dir @trust");
  await people.json("trust threshold release 2 --env prod --dir @trust");
  await people.accept("root");
  return people;
}

const CREATE = "release create --root @trust/root.json -o @release.json";
const SIGN = "release sign @release.json --root @trust/root.json";
const VERIFY = "release verify @release.json --root @trust/root.json";

describe("signet release", () => {
  it("is signed by two authors, and holds where enough of them signed", async () => {
    using people = await authors();
    const made = await people.json(`${CREATE} -f @policy.json --environments dev prod --expires 90d --number 7`);
    expect(made).toMatchObject({ number: 7, file: people.file("release.json") });
    const missing = await people.run(VERIFY);
    expect(missing.exitCode).toBe(8);
    expect(missing.err).toContain("dev: 1 more of alice, bob must sign");

    const first = await people.run(`${SIGN} --key @alice.key -f @policy.json`);
    expect(first.err).toContain("release 7 of project");
    expect(first.err).toMatch(/may run in prod: content [0-9a-f]{64}/);
    expect(first.out).toContain("dev: 1 of 1 (alice)\n  prod: 1 of 2 (alice); 1 more of bob must sign");
    const half = await people.run(`${VERIFY} --json`);
    expect(half.exitCode).toBe(8);
    expect(JSON.parse(half.out)).toMatchObject({
      valid: false,
      environments: [
        { environment: "dev", holds: true, reason: null },
        { environment: "prod", holds: false, reason: "bad_signature", message: "1 more of bob must sign" },
      ],
    });
    expect((await people.run(`${VERIFY} --environments dev`)).exitCode).toBe(0);
    expect((await people.json(`${SIGN} --key @alice.key`))["complete"]).toBe(false);

    const second = await people.json(`${SIGN} --key @bob.key`);
    expect(second).toMatchObject({ complete: true });
    const whole = await people.run(`${VERIFY} -f @policy.yaml`);
    expect(whole).toMatchObject({ exitCode: 0, err: "" });
    expect(whole.out).toMatch(/prod +yes +2 of 2 \(alice, bob\)/);
  });

  it("is signed in two places at once, and put together", async () => {
    using people = await authors();
    await people.json(`${CREATE} -f @policy.json --environments prod`);
    mkdirSync(people.file("bob"));
    copyFileSync(people.file("release.json"), people.file("bob/release.json"));
    await people.json(`${SIGN} --key @alice.key`);
    await people.json(`${SIGN.replace("@release", "@bob/release")} --key @bob.key`);
    const add = "release add-signature @release.json @bob/release.json --root @trust/root.json";
    expect(await people.json(add)).toMatchObject({ complete: true });
    await people.json(`${CREATE} -f @policy.json --environments prod --force`);
    const other = await people.run(add);
    expect(other.err).toContain("the two files do not say the same");
    expect(other.exitCode).toBe(6);
  });

  it("names the digest that the server computes, and that each promotion makes", async () => {
    using people = await authors();
    const scoped = `-f @policy.yaml --scope-policies @scoped.json --environments dev qa prod`;
    const made = await people.json(`${CREATE} ${scoped}`);
    let content = readPolicyContent(POLICY, SCOPED);
    const expected: Record<string, string> = { dev: content.canonical.policyHash };
    content = promoteContent(content.content, "dev", "qa");
    expected["qa"] = content.canonical.policyHash;
    content = promoteContent(content.content, "qa", "prod");
    expected["prod"] = content.canonical.policyHash;
    expect(made["environments"]).toEqual(
      Object.fromEntries(Object.entries(expected).map(([name, hash]) => [name, hash.replace("sha256:", "")])),
    );
    expect(new Set(Object.values(expected)).size).toBe(3);
    const plain = await people.json(`${CREATE} -f @policy.json --environments dev prod --force`);
    const { policies, scopePolicies } = canonicalContent(POLICY, "{}");
    const digest = createHash("sha256")
      .update(`{"policies":${policies},"scope_policies":${scopePolicies}}`)
      .digest("hex");
    expect(plain["environments"]).toEqual({ dev: digest, prod: digest });
  });

  it("has a number that grows", async () => {
    using people = await authors();
    const first = await people.json(`${CREATE} -f @policy.json --environments dev`);
    expect(first["number"]).toBeGreaterThan(1_700_000_000);
    await people.json(`${CREATE} -f @policy.json --environments dev --force --number 4000000000`);
    const next = await people.json(`${CREATE} -f @policy.json --environments dev --force`);
    expect(next["number"]).toBe(4_000_000_001);
  });

  it.each([
    [`${CREATE} -f @policy.json --environments dev Prod`, '"Prod" is not the name of an environment', 2],
    [`${CREATE} -f @policy.json --environments dev dev`, "names one twice", 2],
    [`${CREATE} -f @policy.json`, "required option '--environments", 2],
    [`${CREATE} -f @none.json --environments dev`, "no such file", 6],
    [`${CREATE} -f @policy.json --environments dev --root @none.json`, "no such file", 6],
    [`${CREATE} -f @policy.json --scope-policies @policy.json --environments dev`, "tenant:app:agent:env", 6],
    ["release sign @policy.json --root @trust/root.json --key @alice.key", "policy.json: an envelope has payload", 8],
    ["release sign @trust/root.json --root @trust/root.json --key @alice.key", "not a release", 8],
  ])("refuses %s", async (command, says, code) => {
    using people = await authors();
    const { exitCode, out, err } = await people.run(command);
    expect(err).toContain(says);
    expect({ exitCode, out }).toEqual({ exitCode: code, out: "" });
  });

  it("is refused for an unknown environment, another policy, a stranger's key, another project, when revoked or expired", async () => {
    using people = await authors();
    await people.json(`${CREATE} -f @policy.json --environments dev`);
    const exists = await people.run(`${CREATE} -f @policy.json --environments dev`);
    expect(exists.err).toContain("pass --force to replace it");
    people.write("other.json", '{"rules": []}');
    const refused = async (command: string, says: string, code = 8) => {
      const { exitCode, err } = await people.run(command);
      expect(err).toContain(says);
      expect(exitCode).toBe(code);
    };
    await refused(`${SIGN} --key @alice.key -f @other.json`, "names another content than");
    await refused(`${SIGN} --key @carol.key`, "is no author of these environments", 6);
    expect(boundedEnvelope(people.read("release.json").trim()).signatures).toHaveLength(0);
    await people.json(`${SIGN} --key @alice.key`);
    await refused(`${VERIFY} --environments qa`, "qa: the release is not for this environment");
    await refused(`${VERIFY} -f @other.json`, "names another content than");
    await people.forge("release.json", withPredicate({ project_id: "2b0c0d0e-0000-4000-8000-000000000001" }), "alice");
    await refused(VERIFY, "is of project 2b0c0d0e");
    await people.json(`${CREATE} -f @policy.json --environments dev --force`);
    await people.forge("release.json", withPredicate({ expires_at: "2020-01-01T00:00:00Z" }), "alice");
    await refused(VERIFY, "dev: the release ran out at 2020-01-01T00:00:00Z");
    // Without a signature of an author's over what was changed.
    await people.forge("release.json", withPredicate({ number: 9 }), "carol");
    await refused(VERIFY, "dev: 1 more of alice, bob must sign");
    await people.json(`${CREATE} -f @policy.json --environments dev --force`);
    await people.json(`${SIGN} --key @alice.key`);
    await people.json("trust revoke @release.json --dir @trust");
    await people.accept("root");
    await refused(VERIFY, "dev: the release is revoked");
  });

  it("takes a signature that a device made, and no other", async () => {
    using people = await authors();
    await people.json(`${CREATE} -f @policy.json --environments dev`);
    await people.json("release message @release.json -o @message.bin");
    const message = readFileSync(people.file("message.bin"));
    expect(message.toString("latin1")).toMatch(/^DSSEv1 28 application\/vnd\.in-toto\+json \d+ \{/);
    const sig = await createNobleSigner(people.read("alice.key")).sign(message);
    people.write("alice.sig", Buffer.from(sig).toString("base64"));
    const add = "release add-signature @release.json --root @trust/root.json --signature @alice.sig --public-key";
    expect((await people.run(`${add} @bob.pub`)).exitCode).toBe(8);
    expect(await people.json(`${add} @alice.pub`)).toMatchObject({ complete: true });
  });
});

function withPredicate(change: object) {
  return (statement: Record<string, unknown>) => ({
    ...statement,
    predicate: { ...(statement["predicate"] as object), ...change },
  });
}
