import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { opaPolicies } from "../../../src/bundle/opa/make-policies.js";
import { parseEnvelope } from "../../../src/bundle/envelope/dsse.js";
import { parseActivation } from "../../../src/bundle/trust/activation.js";
import { parseProvenance } from "../../../src/bundle/envelope/provenance.js";
import type { PublishedBundle } from "../../../src/core/bundle.js";
import { publishInput, useServices } from "../fixture.js";
import { ALICE, Trusted } from "../trust/trusted.js";

const OPA = "application/vnd.openpolicyagent.bundles";
const JSON_TYPE = "application/json";
const FILES = { "authz/policy.rego": "package authz\n\nallow := true\n", "authz/limits/data.yaml": "eu: 3\n" };
const REGO = opaPolicies(FILES, { roots: ["authz"] });

describe("policies of kind OPA", () => {
  const signet = useServices();
  const trusted = new Trusted(signet);

  const publish = async (given: Parameters<typeof publishInput>[0] = REGO, change = signet.change(), env = "dev") =>
    await signet.services.publishing.publish(change, signet.path(env), publishInput(given));

  const deploymentOf = async ({ deploymentId }: { deploymentId: string | null }) =>
    (await signet.store.read.deployment(signet.orgId, deploymentId ?? "")) ?? expect.fail("no deployment");

  /** As the server attested it. */
  const attestedOf = async (state: PublishedBundle) => {
    const { envelope } = await signet.services.attestations.of(await deploymentOf(state));
    return parseActivation(parseEnvelope(envelope, { maxLength: 65536, maxSignatures: 32 }).payload);
  };

  it("keep their kind from the publication on: in promotions, rollbacks, activations, with all that is signed", async () => {
    const first = await publish();
    await signet.publish("dev", { plain: true });
    const back = await signet.activate("dev", 1);
    const { bundle: staged, ...promoted } = await signet.services.publishing.promote(
      signet.change(),
      signet.path("dev"),
      {
        ...{ promotedBy: null, reason: null },
      },
    );
    expect([staged.environment, staged.mediaType]).toEqual(["staging", OPA]);
    for (const state of [first, back, { bundle: staged, ...promoted }]) {
      expect(await deploymentOf(state)).toMatchObject({ mediaType: OPA });
      expect(await attestedOf(state)).toMatchObject({ mediaType: OPA, content: first.bundle.policyHash.slice(7) });
    }
    const { rows } = await signet.services.bundles.deployments(signet.admin, signet.path("dev"), 10, 0);
    expect(rows.map(({ kind, mediaType }) => [kind, mediaType])).toEqual([
      ["rollback", OPA],
      ["publish", JSON_TYPE],
      ["publish", OPA],
    ]);
    const { rows: events } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, after: 0 });
    const told = events.filter(({ action }) => action.startsWith("bundle."));
    expect(told.map(({ action, metadata }) => [action, metadata["media_type"]]).sort()).toEqual([
      ["bundle.activated", OPA],
      ["bundle.promoted", OPA],
      ["bundle.published", JSON_TYPE],
      ["bundle.published", OPA],
    ]);
    const onlyOpa = await signet.services.bundles.list(signet.admin, signet.path("dev"), 10, undefined, {
      mediaType: OPA,
    });
    expect(onlyOpa.rows.map(({ bundle }) => bundle.version)).toEqual([1]);
  });

  it("are of their kind when they are attested later", async () => {
    const state = await publish();
    await signet.tamper("delete from activation_attestations");
    await signet.reopen();
    expect(await attestedOf(state)).toMatchObject({ mediaType: OPA });
  });

  it("are another content than the same text as JSON", async () => {
    const skipUnchanged = { skipUnchanged: true };
    const first = await publish();
    expect((await publish(REGO, signet.change(skipUnchanged))).change).toMatchObject({ isSkipped: true });
    const plain = { policies: REGO.policies };
    const second = await publish(plain, signet.change(skipUnchanged));
    expect(second.bundle).toMatchObject({ version: 2, mediaType: JSON_TYPE, policyHash: first.bundle.policyHash });
    expect((await publish(plain)).change).toMatchObject({ isUnchanged: true });
    expect((await publish()).change).toMatchObject({ isUnchanged: false });
  });

  it("are refused with the path of what is wrong, and without scope policies", async () => {
    const before = await signet.fingerprint();
    const files = { ...FILES, "authz/data.yml": "a: 1" };
    const wrong = { ...REGO, policies: JSON.stringify({ files, roots: ["authz"] }) };
    await expect(publish(wrong)).rejects.toMatchObject({
      code: "invalid",
      fields: [{ loc: ["body", "policies", "files", "authz/data.yml"], type: "path" }],
    });
    await expect(publish({ ...REGO, scopePolicies: '{"*:*:*:*":{}}' })).rejects.toMatchObject({
      fields: [{ loc: ["body", "scope_policies"], type: "media_type" }],
    });
    const yaml = { ...REGO, policies: JSON.stringify({ files: { "data.yaml": "a: [1" } }) };
    await expect(publish(yaml)).rejects.toMatchObject({
      fields: [{ loc: ["body", "policies", "files", "data.yaml"], msg: expect.stringContaining("line 1") }],
    });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("must be released as what they are", async () => {
    const content = (await publish({ ...REGO, activate: false })).bundle.policyHash.slice(7);
    await trusted.begin(1);
    const asJson = await trusted.release({ dev: content, staging: content }, [ALICE]);
    await expect(publish({ ...REGO, release: asJson })).rejects.toMatchObject({ fields: [{ type: "mix_and_match" }] });
    await trusted.upload(asJson);
    await expect(publish()).rejects.toMatchObject({
      code: "invalid",
      reason: "mix_and_match",
      message: expect.stringContaining(`takes no ${OPA} by a release of ${JSON_TYPE}`),
    });
    expect((await publish({ policies: REGO.policies })).isActive).toBe(true);
    const asOpa = await trusted.release({ dev: content, staging: content }, [ALICE], { number: 2, mediaType: OPA });
    const state = await publish({ ...REGO, release: asOpa });
    expect(await attestedOf(state)).toMatchObject({ mediaType: OPA, release: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const promoted = await signet.services.publishing.promote(signet.change(), signet.path("dev"), {
      ...{ promotedBy: null, reason: null },
    });
    expect(promoted.bundle.mediaType).toBe(OPA);
  });

  it("can be drafts, which become what they were handed in as", async () => {
    const { artifacts, artifactPromotions } = signet.services;
    const given = { projectId: signet.projectId, policies: REGO.policies, name: null };
    const made = await artifacts.create(signet.change(), { ...given, mediaType: OPA });
    const { state } = await artifactPromotions.promote(signet.change(), made.id, {
      ...{ title: null, description: null, reason: null },
    });
    expect(state.bundle).toMatchObject({ mediaType: OPA, environment: "dev" });
    const other = await artifacts.create(signet.change(), { ...given, mediaType: OPA });
    await signet.tamper("update source_artifacts set media_type = ? where id = ?", JSON_TYPE, other.id);
    const about = { title: null, description: null, reason: null };
    const promote = artifactPromotions.promote(signet.change(), other.id, about);
    await expect(promote).rejects.toMatchObject({ code: "data_loss" });
    const wrong = artifacts.create(signet.change(), { ...given, policies: "{}", mediaType: OPA });
    await expect(wrong).rejects.toMatchObject({ fields: [{ loc: ["body", "policies", "files"] }] });
  });

  it("are exported as what they are, in a form that older releases refuse", async () => {
    await publish();
    await signet.publish("dev", { plain: true });
    const nothing = { digest: null, position: null, size: null };
    for (const [version, mediaType, type] of [
      [1, OPA, "signet-export/2"],
      [2, JSON_TYPE, "signet-export/1"],
    ] as const) {
      const { provenance } = await signet.services.exporting.export(signet.admin, signet.path("dev"), version, nothing);
      const { payload } = parseEnvelope(provenance, { maxLength: 524_288, maxSignatures: 32 });
      expect(parseProvenance(payload).bundle.mediaType).toBe(mediaType);
      expect((JSON.parse(Buffer.from(payload).toString()) as { type: string }).type).toBe(type);
    }
  });

  it("of 10,000 files and 16 MiB are read without holding up the event loop", async () => {
    const text = (i: number) => `package authz.p${i}\n# ${randomBytes(750).toString("hex")}\n`;
    const files = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`authz/${i}/policy.rego`, text(i)]));
    const large = { policies: JSON.stringify({ files, roots: ["authz"] }), mediaType: REGO.mediaType };
    let turns = 0;
    let isOver = false;
    const count = () => void (isOver || ((turns += 1), setImmediate(count)));
    setImmediate(count);
    const read = await signet.services.documents.readPolicyContent(signet.admin, large.policies, null, large.mediaType);
    isOver = true;
    expect(read.content.policies.length).toBeGreaterThan(15_000_000);
    // The thread works for some hundred milliseconds, in which the event loop goes round all the time.
    expect(turns).toBeGreaterThan(100);
  });
});
