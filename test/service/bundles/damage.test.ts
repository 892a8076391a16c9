import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { signatureMessage, signatureV2Message } from "../../../src/bundle/document.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { canonicalContent } from "../../../src/bundle/policy-hash.js";
import { useServices, type Fixture } from "../fixture.js";

const GOOD = { pii: "block" };
const BAD = '{"pii":"allow"}';

describe("a bundle that was changed in the database", () => {
  const api = useServices();
  const refused = { code: "data_loss" };
  const poll = {
    ifNoneMatch: [],
    afterSequence: 0,
    afterDeploymentId: "",
    waitSeconds: 0,
    clientAddress: "127.0.0.1",
  };
  const latest = async () =>
    api.services.latest.latest(
      (await api.runtime("dev", { name: crypto.randomUUID() })).principal,
      poll,
      new AbortController().signal,
    );

  const changes: [string, (api: Fixture) => Promise<unknown>][] = [
    ["its policies", (api) => api.tamper("update contents set policies = ?", BAD)],
    ["its scope policies", (api) => api.tamper("update contents set scope_policies = ?", '{"*:*:*:*":{}}')],
    ["its hash", (api) => api.tamper("update bundles set policy_hash = ?", `sha256:${"0".repeat(64)}`)],
    ["its signature", (api) => api.tamper("update bundles set signature = signature_v2")],
    ["its second signature", (api) => api.tamper("update bundles set signature_v2 = signature")],
    ["when it was published", (api) => api.tamper("update bundles set published_at = '2031-01-01T00:00:00.000Z'")],
    ["its content, hash and signatures, by a key of one's own", forge],
  ];

  describe.each([
    ["before a restart", false],
    ["after a restart", true],
  ])("%s", (_, isRestarted) => {
    it.each(changes)("%s: is not served, promoted or activated, and nothing is signed anew", async (_what, change) => {
      await api.publish("dev", GOOD);
      await change(api);
      if (isRestarted) await api.reopen();
      const before = await api.fingerprint();
      await expect(api.promote("dev")).rejects.toMatchObject(refused);
      await expect(api.activate("dev", 1)).rejects.toMatchObject(refused);
      expect(await api.fingerprint()).toEqual(before);
      await expect(latest()).rejects.toMatchObject(refused);
      await expect(latest()).rejects.toMatchObject(refused);
      expect(api.damaged).toEqual([(await api.environment("dev")).id]);
      await api.publish("dev", { n: 2 });
      expect((await latest()).active.document).toContain('"policies":{"n":2}');
    });
  });

  it("is not that of another environment, as good as it is there", async () => {
    await api.publish("dev", GOOD);
    const { bundle } = await api.publish("staging", { pii: "allow" });
    await api.tamper("update environments set active_bundle_id = ? where name = 'dev'", bundle.id);
    await api.reopen();
    const before = await api.fingerprint();
    await expect(api.promote("dev")).rejects.toMatchObject(refused);
    expect(await api.fingerprint()).toEqual(before);
    await expect(latest()).rejects.toMatchObject(refused);
  });

  it("is good again when the same content is published, and so are the others that have it", async () => {
    for (const env of ["dev", "staging"]) await api.publish(env, GOOD);
    await api.tamper("update contents set policies = ?", BAD);
    await api.publish("prod", GOOD);
    expect((await api.promote("staging")).bundle.version).toBe(2);
    expect((await latest()).active.document).toContain('"policies":{"pii":"block"}');
  });

  it("of many megabytes is found in another thread", async () => {
    const { bundle } = await api.publish("dev", { filler: "x".repeat(300_000) });
    await api.tamper("update contents set policies = replace(policies, 'xx', 'xy')");
    await api.reopen();
    await expect(api.promote("dev")).rejects.toMatchObject(refused);
    await api.tamper("update contents set policies = replace(policies, 'xy', 'xx')");
    expect((await api.promote("dev")).bundle.policyHash).toBe(bundle.policyHash);
    await api.services.documents[Symbol.asyncDispose]();
  });
});

function contentIdOf(policies: string): string {
  return createHash("sha256").update(`${policies}\n{}`).digest("hex");
}

/** Whoever writes to the database, and has no key, does all that he can. */
async function forge(api: Fixture): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const { keyId } = parsePublicKey(pem);
  const [row = {}] = (await api.tamper("select * from bundles")) as Record<string, string>[];
  const content = canonicalContent(BAD, "{}");
  const { id: bundleId = "", org_id: orgId = "", project_id: projectId = "", environment = "" } = row;
  const publishedAt = `${(row.published_at ?? "").slice(0, 19)}+00:00`;
  const signed = (message: Uint8Array) => sign(null, message, privateKey).toString("base64");
  const signature = signed(signatureMessage(content.policyHash));
  const v2 = signed(signatureV2Message({ bundleId, orgId, projectId, environment, publishedAt }, content));
  await api.tamper(
    "insert into public_keys (key_id, purpose, public_key_pem, created_at, endorsed_by) values (?, 'bundles', ?, ?, ?)",
    ...[keyId, pem, row.published_at ?? "", keyId],
  );
  const contentId = contentIdOf(BAD);
  await api.tamper("insert into contents (id, policies, scope_policies) values (?, ?, '{}')", contentId, BAD);
  await api.tamper(
    "update bundles set content_id = ?, policy_hash = ?, signature = ?, signature_v2 = ?, key_id = ?",
    ...[contentId, content.policyHash, signature, v2, keyId],
  );
}

describe("an artifact that was changed in the database", () => {
  const api = useServices();

  it.each<[string, (api: Fixture) => Promise<unknown>]>([
    ["its text", (api) => api.tamper("update contents set policies = ?", BAD)],
    [
      "the content that it names",
      async (api) => {
        const id = contentIdOf(BAD);
        await api.tamper("insert into contents (id, policies, scope_policies) values (?, ?, '{}')", id, BAD);
        await api.tamper("update source_artifacts set content_id = ?", id);
      },
    ],
    [
      "the audit's word of it",
      (api) => api.tamper("update audit_events set metadata = '{}' where action = 'artifact.created'"),
    ],
  ])("%s: is not promoted", async (_, change) => {
    const { artifacts, artifactPromotions } = api.services;
    const input = { projectId: api.projectId, policies: JSON.stringify(GOOD), name: null, mediaType: null };
    const { id } = await artifacts.create(api.change(), input);
    await change(api);
    const before = await api.fingerprint();
    const title = { title: null, description: null, reason: null };
    await expect(artifactPromotions.promote(api.change(), id, title)).rejects.toMatchObject({ code: "data_loss" });
    expect(await api.fingerprint()).toEqual(before);
  });
});
