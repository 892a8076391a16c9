import { describe, expect, it } from "vitest";
import type { ChangeRequest } from "../../../src/service/access/caller.js";
import { publishInput, useServices } from "../fixture.js";
import { createFanOut, toAll } from "../pipelines/pipeline-fixture.js";

describe("a dry run", () => {
  const signet = useServices();
  const dry = (options: Partial<ChangeRequest> = {}) => signet.change({ dryRun: true, ...options });

  /** A dry run answers or refuses as the change does that follows it, and changes nothing. */
  async function sameRefusal(work: (caller: ChangeRequest) => Promise<unknown>, expected: object): Promise<void> {
    const before = await signet.fingerprint();
    await expect(work(dry())).rejects.toMatchObject(expected);
    await expect(work(signet.change())).rejects.toMatchObject(expected);
    expect(await signet.fingerprint()).toEqual(before);
  }

  it("of a publication shows the version, the difference and the quota, and keeps nothing", async () => {
    await signet.publish("dev", { limit: 1 });
    const before = await signet.fingerprint();
    const caller = dry({ idempotencyKey: "k", ifSequence: 1 });
    const previewed = await signet.publish("dev", { limit: 2 }, caller);
    expect(previewed).toMatchObject({
      ...{ bundle: { version: 2 }, isActive: false, deploymentId: null, sequence: null },
      change: {
        ...{ dryRun: true, isUnchanged: false, isSkipped: false, quota: { kept: 1, limit: null } },
        difference: { total: 1, changes: [{ path: "/policies/limit", oldValue: "1", newValue: "2" }] },
      },
    });
    expect(await signet.fingerprint()).toEqual(before);
    const made = await signet.publish("dev", { limit: 2 }, signet.change({ idempotencyKey: "k" }));
    const { policyHash } = previewed.bundle;
    expect(made).toMatchObject({ bundle: { version: 2, policyHash }, isActive: true, change: { dryRun: false } });
    // What was remembered is not its answer either.
    expect(await signet.publish("dev", { limit: 2 }, dry({ idempotencyKey: "k" }))).toMatchObject({
      ...{ bundle: { version: 3 }, change: { dryRun: true, isUnchanged: true, difference: { total: 0 } } },
    });
  });

  it("of a promotion shows what it would change in the target", async () => {
    const input = publishInput({ scopePolicies: '{"t:a:g:dev":{"n":1}}' });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    const before = await signet.fingerprint();
    expect(await signet.promote("dev", dry())).toMatchObject({
      bundle: { version: 1, environment: "staging" },
      change: { difference: { changes: [{ path: "/policies/n" }, { path: "/scope_policies/t:a:g:staging" }] } },
    });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("is refused as the change is: quota, sequence, hold, rights, and what is not there", async () => {
    await sameRefusal((caller) => signet.promote("dev", caller), { code: "not_found" });
    await signet.publish("dev", { n: 1 });
    await sameRefusal((caller) => signet.publish("nowhere", {}, caller), { code: "not_found" });
    await sameRefusal((caller) => signet.publish("dev", { n: 2 }, { ...caller, ifSequence: 7 }), {
      code: "precondition_failed",
    });
    await sameRefusal((caller) => signet.publish("dev", { n: 2 }, { ...caller, idempotencyKey: "" }), {
      code: "invalid",
    });
    const narrow = await signet.ci(["staging"]);
    await sameRefusal((caller) => signet.publish("dev", { n: 2 }, { ...caller, principal: narrow }), {
      code: "forbidden",
    });
    const held = { hold: true, reason: "incident" };
    await signet.services.bundles.activate(signet.change(), signet.path("dev"), 1, held);
    await sameRefusal((caller) => signet.publish("dev", { n: 2 }, caller), { code: "conflict", reason: "held" });
    const input = publishInput({ policies: '{"n":2}', activate: false });
    const kept = await signet.services.publishing.publish(dry(), signet.path("dev"), input);
    expect(kept).toMatchObject({ bundle: { version: 2 }, change: { dryRun: true } });
    await signet.services.organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: 1 });
    await sameRefusal((caller) => signet.publish("dev", { n: 2 }, caller), { code: "quota_exceeded" });
    signet.moments.beforeBundleSignature = () => {
      throw new Error("no key");
    };
    await signet.services.organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: null });
    await sameRefusal((caller) => signet.publish("staging", { n: 2 }, caller), { code: "signing_failed" });
  });

  it("of a promotion to many targets says it of each, and of skipped ones too", async () => {
    const fan = await createFanOut(signet, 3);
    await signet.publish("dev", { n: 1 });
    await signet.publish("t1", { n: 1 });
    const before = await signet.fingerprint();
    const { pipelinePromotion } = signet.services;
    const previewed = await pipelinePromotion.promote(dry({ skipUnchanged: true }), toAll(fan));
    expect(previewed.map(({ change }) => [change?.isUnchanged, change?.isSkipped, change?.difference?.total])).toEqual([
      [false, false, 1],
      [true, true, 0],
      [false, false, 1],
    ]);
    expect(await signet.fingerprint()).toEqual(before);
  });
});

describe("a version that would change nothing", () => {
  const signet = useServices();
  const skip = (options: Partial<ChangeRequest> = {}) => signet.change({ skipUnchanged: true, ...options });

  it("is made and says so, unless it is to be skipped: then the active bundle is the answer", async () => {
    const first = await signet.publish("dev", { b: 1, a: 2 });
    expect(first.change).toMatchObject({ isUnchanged: false, difference: null, quota: null });
    const again = await signet.publish("dev", { a: 2, b: 1 });
    expect(again).toMatchObject({ bundle: { version: 2 }, change: { isUnchanged: true, isSkipped: false } });
    const before = await signet.fingerprint();
    const { change: _, ...active } = again;
    expect(await signet.publish("dev", { b: 1, a: 2 }, skip())).toEqual({
      ...active,
      change: { dryRun: false, isUnchanged: true, isSkipped: true, difference: null, quota: null },
    });
    expect(await signet.fingerprint()).toEqual(before);
    expect(await signet.publish("dev", { a: 3 }, skip())).toMatchObject({
      ...{ bundle: { version: 3 }, change: { isUnchanged: false } },
    });
  });

  it("is skipped in a promotion: the content as it would be in the target counts", async () => {
    const input = publishInput({ scopePolicies: '{"t:a:g:dev":{"n":1}}' });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    await signet.promote("dev", skip());
    const before = await signet.fingerprint();
    expect(await signet.promote("dev", skip())).toMatchObject({ bundle: { version: 1 }, change: { isSkipped: true } });
    expect(await signet.fingerprint()).toEqual(before);
    expect(await signet.promote("dev")).toMatchObject({ bundle: { version: 2 }, change: { isUnchanged: true } });
  });

  it("is skipped at the quota and under a hold, and not when If-Match names another sequence", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.services.bundles.activate(signet.change(), signet.path("dev"), 1, { hold: true, reason: null });
    await signet.services.organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: 1 });
    expect(await signet.publish("dev", { n: 1 }, skip())).toMatchObject({ change: { isSkipped: true } });
    await expect(signet.publish("dev", { n: 1 }, skip({ ifSequence: 1 }))).rejects.toMatchObject({
      code: "precondition_failed",
    });
    await expect(signet.publish("dev", { n: 2 }, skip())).rejects.toMatchObject({ code: "quota_exceeded" });
  });

  it("is what a retry answers, even when another version became active since", async () => {
    await signet.publish("dev", { n: 1 });
    const keyed = skip({ idempotencyKey: "k" });
    const skipped = await signet.publish("dev", { n: 1 }, keyed);
    expect(skipped).toMatchObject({ bundle: { version: 1 }, change: { isSkipped: true } });
    await signet.publish("dev", { n: 2 });
    expect(await signet.publish("dev", { n: 1 }, keyed)).toEqual(skipped);
    expect(await signet.count("bundles")).toBe(2);
  });

  it("is made after all when the active content changes while it is looked at", async () => {
    await signet.publish("dev", { n: 1 });
    let isFirst = true;
    signet.moments.beforeBundleSignature = async () => {
      if (!isFirst) return;
      isFirst = false;
      await signet.publish("dev", { n: 2 });
    };
    // Different when it was looked at, equal when it is stored: no version of what is active.
    expect(await signet.publish("dev", { n: 2 }, skip())).toMatchObject({
      ...{ bundle: { version: 2 }, change: { isSkipped: true } },
    });
  });

  it("is skipped in each target that has it, and nothing is recorded when all have", async () => {
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev", { n: 1 });
    await signet.publish("t0", { n: 1 });
    const { pipelinePromotion } = signet.services;
    const first = await pipelinePromotion.promote(skip(), toAll(fan));
    expect(first.map(({ change }) => change?.isSkipped)).toEqual([true, false]);
    expect(first[0]?.deploymentId).toBe((await signet.environment("t0")).activeDeploymentId);
    const before = await signet.fingerprint();
    const again = await pipelinePromotion.promote(skip(), toAll(fan));
    expect(again.map(({ change }) => change?.isSkipped)).toEqual([true, true]);
    expect(await signet.fingerprint()).toEqual(before);
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1 });
    expect(rows[0]).toMatchObject({ action: "pipeline.promoted", metadata: { target_app_ids: [fan.targets[1]?.id] } });
  });
});
