import { beforeEach, describe, expect, it } from "vitest";
import { envelopeKeyId } from "../../../src/bundle/envelope/dsse.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import { MAX_ENVELOPE_LENGTH } from "../../../src/bundle/trust/threshold.js";
import { listed, rootEnvelope, rule, testKey } from "../../support/trust.js";
import { DAY, useServices } from "../fixture.js";
import { ALICE, BOB, otherServer, OWNER, Trusted } from "./trusted.js";

const signet = useServices();
let trusted: Trusted;
beforeEach(() => {
  trusted = new Trusted(signet);
});

const newest = async () => (await signet.services.roots.overview(signet.admin, signet.projectId)).root;

async function refusal(root: Root, ...keys: readonly (typeof OWNER)[]): Promise<{ type: string; msg: string }> {
  const before = [await signet.count("trust_roots"), await signet.count("audit_events")];
  const thrown: unknown = await trusted.give(await rootEnvelope(root, ...keys)).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: "invalid", fields: [{ loc: ["body", "envelope"] }] });
  expect([await signet.count("trust_roots"), await signet.count("audit_events")]).toEqual(before);
  const [field] = (thrown as { fields: { type: string; msg: string }[] }).fields;
  return field ?? { type: "", msg: "" };
}

describe("the first root", () => {
  it("is kept, told, and found by its version", async () => {
    const root = await trusted.root(2);
    const published = await trusted.publish(root, { reason: "level 2" });
    expect(published).toMatchObject({ signedBy: [OWNER.id], dryRun: false, warnings: [] });
    expect(published.root).toEqual(root);
    expect(await newest()).toMatchObject({ kept: published.kept });
    const { principal } = await signet.runtime("dev", { name: "a" });
    expect(await signet.services.roots.ownEnvelope(principal, 1)).toBe(published.kept.envelope);
    await expect(signet.services.roots.ownEnvelope(principal, 2)).rejects.toMatchObject({ code: "not_found" });
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1, action: "trust.*" });
    expect(rows).toMatchObject([
      {
        ...{ action: "trust.root_published", resourceId: signet.projectId },
        metadata: { version: 1, digest: published.kept.digest, signed_by: [OWNER.id], reason: "level 2" },
      },
    ]);
    const events = await signet.tamper("select type, body from outbox_events where type like 'trust.%'");
    expect(events).toHaveLength(1);
    expect(JSON.parse(String(events[0]?.["body"]))).toMatchObject({
      data: { project_id: signet.projectId, version: 1, actor: signet.admin.keyPrefix, reason: "level 2" },
    });
  });

  it("takes an admin; later ones a ci token of the whole project", async () => {
    const ci = await signet.ci();
    const root = await trusted.root(0);
    const envelope = await rootEnvelope(root, OWNER);
    await expect(trusted.give(envelope, {}, ci)).rejects.toMatchObject({ code: "forbidden" });
    await trusted.give(envelope);
    const narrow = await signet.ci(["dev"]);
    await expect(trusted.publish({ ...root, version: 2 }, {}, narrow)).rejects.toMatchObject({ code: "forbidden" });
    await trusted.publish({ ...root, version: 2 }, {}, ci);
    expect(await newest()).toMatchObject({ kept: { version: 2, publishedBy: ci.keyPrefix } });
  });

  it("is hidden from the tokens of others", async () => {
    await trusted.begin(0);
    const foreigner = await signet.foreigner();
    const envelope = await rootEnvelope(await trusted.root(0), OWNER);
    for (const call of [
      () => trusted.give(envelope, {}, foreigner),
      () => signet.services.roots.overview(foreigner, signet.projectId),
      () => signet.services.roots.envelope(foreigner, signet.projectId, 1),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "not_found", message: "project not found" });
    }
  });

  it("again changes nothing, and a dry run keeps nothing", async () => {
    const root = await trusted.root(0);
    expect(await trusted.publish(root, { dryRun: true })).toMatchObject({ dryRun: true, kept: { version: 1 } });
    expect(await newest()).toBeNull();
    const { kept } = await trusted.publish(root);
    const before = await signet.count("audit_events");
    expect((await trusted.publish(root)).kept).toEqual(kept);
    expect([await signet.count("trust_roots"), await signet.count("audit_events")]).toEqual([1, before]);
  });

  it("keeps the signatures that count, under the ids of their keys", async () => {
    const envelope = JSON.parse(await rootEnvelope(await trusted.root(0), ALICE, OWNER)) as {
      signatures: { keyid: string }[];
    };
    for (const signature of envelope.signatures) signature.keyid = "somebody";
    const { kept } = await trusted.give(JSON.stringify(envelope));
    expect(JSON.parse(kept.envelope)).toMatchObject({ signatures: [{ keyid: OWNER.id }] });
  });
});

describe("is refused: a root", () => {
  it("that no key of its own signed, and says who must", async () => {
    const { type, msg } = await refusal(await trusted.root(0), ALICE);
    expect([type, msg]).toEqual([
      "bad_signature",
      "is not signed as itself demands: 1 of owner must sign; signed: nobody",
    ]);
  });

  it("of another organization or project", async () => {
    const nobody = "00000000-0000-4000-8000-000000000000";
    for (const other of [{ orgId: nobody }, { projectId: nobody }])
      expect(await refusal({ ...(await trusted.root(0)), ...other }, OWNER)).toMatchObject({ type: "wrong_identity" });
  });

  it("that has expired", async () => {
    const root = { ...(await trusted.root(0)), expiresAt: "2026-05-01T12:00:00Z" };
    expect(await refusal(root, OWNER)).toEqual(expect.objectContaining({ type: "root_expired" }));
  });

  it("that skips, repeats or begins with another version", async () => {
    const root = await trusted.root(0);
    expect(await refusal({ ...root, version: 2 }, OWNER)).toMatchObject({ type: "root_version" });
    await trusted.publish(root);
    expect(await refusal({ ...root, expiresAt: "2098-01-01T00:00:00Z" }, OWNER)).toMatchObject({
      ...{ type: "root_version", msg: "has version 1, and the next one is 2" },
    });
    expect(await refusal({ ...root, version: 3 }, OWNER)).toMatchObject({ type: "root_version" });
  });

  it("whose next version is signed by the old keys alone, or by the new ones alone", async () => {
    const root = await trusted.begin(0);
    const next: Root = {
      ...{ ...root, version: 2 },
      ...listed([OWNER, ALICE, BOB]),
      keys: new Map([...root.keys, ...listed([BOB]).keys]),
      roles: { ...root.roles, root: rule(1, BOB) },
    };
    expect((await refusal(next, OWNER)).msg).toMatch(/^is not signed as itself demands: 1 of bob must sign/);
    expect((await refusal(next, BOB)).msg).toMatch(
      /^is not signed as the root before it, version 1 demands: 1 of owner must sign/,
    );
    await trusted.give(await rootEnvelope(next, OWNER, BOB));
    expect(await newest()).toMatchObject({ kept: { version: 2 }, signedBy: [OWNER.id, BOB.id] });
  });

  it("under which this server cannot sign, anywhere", async () => {
    const root = await trusted.root(0);
    const other = testKey("another server");
    const keys = new Map([...root.keys, [other.id, otherServer()]] as const);
    const elsewhere = rule(1, other);
    const roles = { ...root.roles, lease: elsewhere };
    expect((await refusal({ ...root, keys, roles }, OWNER)).msg).toMatch(
      /^does not name this server's key [0-9a-f]{16} for the role lease$/,
    );
    const environments = new Map([["prod", { activation: elsewhere }]]);
    expect((await refusal({ ...root, keys, environments }, OWNER)).msg).toMatch(/for the role activation in "prod"$/);
    const two = { ...root.roles, activation: { threshold: 2, keyIds: [...root.roles.activation.keyIds, other.id] } };
    expect(await refusal({ ...root, keys, roles: two }, OWNER)).toEqual({
      ...{ loc: ["body", "envelope"], type: "bad_root" },
      msg: "demands 2 signatures for the role activation, and this server makes one",
    });
  });

  it("that is no root, or too large", async () => {
    const broken: readonly [string, string][] = [
      ["{", "malformed"],
      ["[]", "malformed"],
      [await trusted.release({ dev: "0".repeat(64) }, [OWNER]), "wrong_type"],
      [JSON.stringify({ payload: "", payloadType: "a", signatures: [] }).padEnd(MAX_ENVELOPE_LENGTH + 1), "too_large"],
    ];
    for (const [text, type] of broken)
      await expect(trusted.give(text)).rejects.toMatchObject({ code: "invalid", fields: [{ type }] });
    expect(await refusal({ ...(await trusted.root(0)), revoked: ["x"] }, OWNER)).toMatchObject({ type: "malformed" });
  });
});

describe("a root under which runtimes stop", () => {
  it("takes force, and names the environments", async () => {
    const root = await trusted.begin(0);
    await signet.publish("dev", { n: 1 });
    await signet.promote("dev");
    const next = { ...root, version: 2, roles: { ...root.roles, release: rule(2, ALICE, BOB) } };
    const thrown = await trusted.publish(next).catch((error: unknown) => error as Error);
    expect(thrown).toMatchObject({ code: "conflict", reason: "root_stops_runtimes" });
    expect((thrown as Error).message).toContain(
      '"dev" takes only what its authors released: 2 of alice, bob must sign; signed: nobody; "staging" takes',
    );
    expect(await newest()).toMatchObject({ kept: { version: 1 } });
    const { warnings } = await trusted.publish(next, { force: true });
    expect(warnings).toHaveLength(2);
    const state = await signet.services.roots.overview(signet.admin, signet.projectId);
    expect(state.environments.map(({ environment, active }) => [environment, active?.refusal?.problem])).toEqual([
      ["dev", "release_missing"],
      ["staging", "release_missing"],
      ["prod", undefined],
    ]);
  });

  it("revokes on purpose with force", async () => {
    const root = await trusted.begin(0);
    const { bundle } = await signet.publish("dev", { bad: true });
    const next = { ...root, version: 2, revoked: [bundle.policyHash.replace("sha256:", "")] };
    await expect(trusted.publish(next)).rejects.toMatchObject({
      ...{
        reason: "root_stops_runtimes",
        message: expect.stringContaining('"dev" cannot have this content: it was revoked'),
      },
    });
    const { warnings } = await trusted.publish(next, { force: true });
    expect(warnings).toEqual(['runtimes refuse what is active: "dev" cannot have this content: it was revoked']);
  });
});

describe("waiting", () => {
  it("for any environment of the project ends with another root", async () => {
    const { id } = await signet.environment("prod");
    using wakeup = signet.services.wakeups.next(id);
    const root = await trusted.begin(0);
    await wakeup.woken;
    const { principal } = await signet.runtime("prod", { name: "a" });
    await expect(signet.services.roots.ownEnvelope(principal, 2)).rejects.toMatchObject({ code: "not_found" });
    await trusted.publish({ ...root, version: 2 });
    expect(JSON.parse(await signet.services.roots.ownEnvelope(principal, 2))).toHaveProperty("payload");
    expect(await signet.services.rootDocuments.newestVersion(signet.store.read, signet.projectId)).toBe(2);
  });
});

describe("warnings", () => {
  it("tell what expires, what has no environment, and keys that the root does not name", async () => {
    const root = await trusted.root(0, {
      expiresAt: "2026-07-01T00:00:00Z",
      environments: new Map([["prd", { release: rule(1, ALICE) }]]),
    });
    expect((await trusted.publish(root)).warnings).toEqual([
      'root 1 has rules for "prd", which is no environment of the project',
    ]);
    signet.clock.advanceSeconds(31 * DAY);
    const warnings = async () => (await signet.services.roots.overview(signet.admin, signet.projectId)).warnings;
    expect((await warnings())[0]).toBe("root 1 expires at 2026-07-01T00:00:00.000Z");
    signet.clock.advanceSeconds(31 * DAY);
    expect((await warnings())[0]).toBe("root 1 expired at 2026-07-01T00:00:00.000Z");
  });

  it("say nothing without a root, and still tell the server's key", async () => {
    const state = await signet.services.roots.overview(signet.admin, signet.projectId);
    expect(state).toMatchObject({ root: null, warnings: [] });
    expect(state.serverKeys.map(envelopeKeyId)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });
});

describe("deletion", () => {
  it("of the project takes its roots and releases along", async () => {
    await trusted.begin(2);
    await trusted.upload(await trusted.release({ dev: "0".repeat(64) }, [ALICE]));
    await signet.unprotect(signet.path("prod"));
    await signet.services.projects.delete(signet.admin, signet.projectId);
    const tables = ["trust_roots", "releases", "release_subjects"];
    while ((await signet.store.write((tx) => tx.removeDeleted(1))) > 0);
    expect(await signet.counts(...tables)).toEqual([0, 0, 0]);
  });
});
