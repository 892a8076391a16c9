import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { parseActivation } from "../../../src/bundle/trust/activation.js";
import { STATEMENT_TYPE } from "../../../src/bundle/trust/statement.js";
import { payloadDigest, requireThreshold } from "../../../src/bundle/trust/threshold.js";
import { trustTime } from "../../../src/bundle/trust/trust-time.js";
import type { BundleState, Deployment } from "../../../src/core/bundle.js";
import { AppError } from "../../../src/core/error.js";
import { goOnAfterLoss } from "../../../src/service/bundles/history-loss.js";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import { ActivationTrust } from "../../../src/service/trust/activation-trust.js";
import { useServices } from "../fixture.js";

describe("an activation", () => {
  const api = useServices();
  const rule = () => ({ threshold: 1, keys: [parsePublicKey(api.data.keys.attestation.publicKeyPem)] });
  const kept = (deploymentId: string) => api.store.read.activationAttestation(deploymentId);
  const deploymentOf = async ({ deploymentId }: BundleState): Promise<Deployment> =>
    (await api.store.read.deployment(api.orgId, deploymentId ?? "")) ?? expect.fail("no deployment");
  const verified = async (envelope: string) =>
    parseActivation(await requireThreshold(envelope, STATEMENT_TYPE, rule(), nobleVerifier));
  const forget = (deploymentId: string) =>
    api.tamper("delete from activation_attestations where deployment_id = ?", deploymentId);

  it("is attested with what became active, by its kind, and the one before", async () => {
    const first = await api.publish("dev", { ü: "😀", rate: 1.0 });
    const promoted = await api.promote("dev");
    await api.publish("dev", { n: 2 });
    const back = await api.activate("dev", 1);
    const document = await api.services.bundles.document(api.admin, api.path("dev"), 1);
    const content = await api.services.documents.content({ orgId: api.orgId, tokenId: 0 }, document);
    let previous: string | null = null;
    const { rows } = await api.services.bundles.deployments(api.admin, api.path("dev"), 10, 0);
    for (const deployment of [...rows.toReversed(), await deploymentOf(promoted)]) {
      const attestation = (await kept(deployment.id)) ?? expect.fail("not attested");
      const isFirst = deployment.environment !== "dev";
      expect(await verified(attestation.envelope)).toMatchObject({
        ...{ orgId: api.orgId, projectId: api.projectId, environment: deployment.environment },
        ...{ sequence: deployment.sequence, kind: deployment.kind, version: deployment.version },
        ...{ bundleId: deployment.bundleId, deploymentId: deployment.id, activatedAt: trustTime(deployment.at) },
        ...{ content: deployment.policyHash.slice(7), release: null, previous: isFirst ? null : previous },
      });
      expect(attestation).toMatchObject({ digest: payloadDigest(attestation.envelope), attestedAt: deployment.at });
      previous = attestation.digest;
      const { rows: events } = await api.services.audit.list({ orgId: api.orgId, limit: 100, after: 0 });
      const event = events.find(({ metadata }) => metadata["deployment_id"] === deployment.id);
      expect(event?.metadata["activation_sha256"]).toBe(attestation.digest);
    }
    expect(rows.map(({ kind }) => kind)).toEqual(["rollback", "publish", "publish"]);
    for (const state of [first, back]) {
      expect(await verified((await kept(state.deploymentId ?? ""))?.envelope ?? "")).toMatchObject({
        document: createHash("sha256").update(document).digest("hex"),
        content: createHash("sha256").update(content).digest("hex"),
        ...{ size: Buffer.byteLength(content), mediaType: "application/json" },
      });
    }
  });

  it("of a large document has the digest of its bytes, wherever its characters are cut", async () => {
    for (const text of ["", "a"]) {
      const { bundle, deploymentId } = await api.publish("dev", { text: text + "😀".repeat(200_000) });
      const document = await api.services.bundles.document(api.admin, api.path("dev"), bundle.version);
      const statement = await verified((await kept(deploymentId ?? ""))?.envelope ?? "");
      expect(statement.document).toBe(createHash("sha256").update(document).digest("hex"));
    }
  });

  it("that is undone leaves no attestation", async () => {
    api.moments.beforeAuditSignature = () => {
      throw new AppError("unavailable", "not now");
    };
    await expect(api.publish("dev")).rejects.toThrow("not now");
    expect(await api.count("activation_attestations")).toBe(0);
  });

  it("that is not allowed is refused after everything else, and its attestation is not kept", async () => {
    const refusal = new AppError("invalid", "nobody released it", { reason: "release_missing" });
    const authorizer = { authorize: () => Promise.reject(refusal) };
    const trust = new ActivationTrust({ authorizer, attester: api.services.attester });
    const { bundle, deploymentId } = await api.publish("dev");
    const environment = await api.environment("dev");
    const clearance = await trust.clear(api.store.read, environment, bundle);
    expect(() => clearance.requireAllowed()).toThrow(refusal);
    const deployment = await deploymentOf({ bundle, isActive: true, deploymentId, sequence: 1 });
    await expect(api.store.write((tx) => clearance.attestIn(tx, deployment, bundle))).rejects.toThrow(refusal);
  });

  describe("of before attestations", () => {
    let deployment: Deployment;
    beforeEach(async () => {
      await api.publish("dev");
      deployment = await deploymentOf(await api.publish("dev", { n: 2 }));
      await forget(deployment.id);
      await api.tamper("update bundles set document_sha256 = null, content_size = null");
      await api.reopen();
    });

    it("gets its attestation when it is first asked for, of its own time and kind, and keeps it", async () => {
      api.clock.advanceSeconds(3600);
      const made = await api.services.attestations.of(deployment);
      const document = await api.services.bundles.document(api.admin, api.path("dev"), 2);
      const before = await api.store.read.deploymentBySequence(deployment.environmentId, 1);
      expect(await verified(made.envelope)).toMatchObject({
        ...{ kind: "publish", sequence: 2, activatedAt: trustTime(deployment.at), release: null },
        document: createHash("sha256").update(document).digest("hex"),
        previous: (await kept(before?.id ?? ""))?.digest,
      });
      expect(made.attestedAt > deployment.at).toBe(true);
      expect(await kept(deployment.id)).toEqual(made);
      api.clock.advanceSeconds(1);
      expect(await api.services.attestations.of(deployment)).toEqual(made);
      const { rows: events } = await api.services.audit.list({ orgId: api.orgId, limit: 1 });
      expect(events).toMatchObject([
        { action: "activation.attested", resourceId: deployment.id, metadata: { activation_sha256: made.digest } },
      ]);
    });

    it("gets one, however many ask at once", async () => {
      const others = [api.compose(api.store), api.compose(api.store)];
      const made = await Promise.all(
        [api.services, ...others].map(async ({ attestations }) => {
          api.clock.advanceSeconds(60);
          return await attestations.of(deployment);
        }),
      );
      expect(new Set(made.map(({ envelope }) => envelope)).size).toBe(1);
      expect(new Set(made.map(({ attestedAt }) => attestedAt)).size).toBe(1);
    });

    it("is attested in the transaction when it is activated again", async () => {
      const again = await deploymentOf(await api.activate("dev", 1));
      const statement = await verified((await kept(again.id))?.envelope ?? "");
      expect(statement).toMatchObject({ kind: "rollback", sequence: 3, previous: null });
    });

    it("gets none when its bundle was changed or deleted", async () => {
      const { policy_hash: hash } = (await api.tamper("select policy_hash from bundles where version = 1"))[0] ?? {};
      await api.tamper("update bundles set policy_hash = ? where version = 2", String(hash));
      await expect(api.services.attestations.of(deployment)).rejects.toMatchObject({ code: "data_loss" });
      const gone = { ...deployment, bundleId: deployment.id };
      await expect(api.services.attestations.of(gone)).rejects.toMatchObject({ code: "not_found" });
      expect(await kept(deployment.id)).toBeNull();
    });
  });

  it.each([
    ["digest of its document", "update bundles set document_sha256 = 'aa'"],
    ["size of its content", "update bundles set content_size = 1"],
  ])("of a bundle whose %s was changed is refused, and attested by nobody", async (_, statement) => {
    await api.publish("dev");
    await api.publish("dev", { n: 2 });
    await api.tamper(statement);
    await api.reopen();
    await expect(api.activate("dev", 1)).rejects.toMatchObject({ code: "data_loss" });
    expect(await api.count("activation_attestations")).toBe(2);
  });

  it("that a loss of changes makes again goes on from the last one, and is attested when it is asked for", async () => {
    const { deploymentId } = await api.publish("dev");
    await goOnAfterLoss(
      { store: api.store, clock: api.clock, audit: api.services.audit },
      { message: "7 are missing" },
    );
    const { rows } = await api.services.bundles.deployments(api.admin, api.path("dev"), 1, 0);
    const again = rows[0] ?? expect.fail("not activated again");
    expect(await kept(again.id)).toBeNull();
    const statement = await verified((await api.services.attestations.of(again)).envelope);
    expect(statement).toMatchObject({ sequence: again.sequence, previous: (await kept(deploymentId ?? ""))?.digest });
  });

  it("that goes with its environment takes its attestation along", async () => {
    await api.publish("dev");
    await api.services.environments.delete(api.admin, api.path("dev"));
    await removeDeleted(api.store);
    expect(await api.count("activation_attestations")).toBe(0);
  });
});
