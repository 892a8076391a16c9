import { describe, expect, it } from "vitest";
import type { ChangeRequest } from "../../../src/service/access/caller.js";
import { useServices } from "../fixture.js";
import { createFanOut, toAll } from "../pipelines/pipeline-fixture.js";

describe("a dry run of an activation", () => {
  const signet = useServices();
  const dry = (options: Partial<ChangeRequest> = {}) => signet.change({ dryRun: true, ...options });
  const activate = (caller: ChangeRequest, version: number, hold = false) =>
    signet.services.bundles.activate(caller, signet.path("dev"), version, { hold, reason: null });
  const rollback = (caller: ChangeRequest, to: number | null = null, hold = false) =>
    signet.services.bundles.rollback(caller, signet.path("dev"), to, { hold, reason: null });

  /** A dry run refuses as the change does, and neither changes anything. */
  async function sameRefusal(work: (caller: ChangeRequest) => Promise<unknown>, expected: object): Promise<void> {
    const before = await signet.fingerprint();
    await expect(work(dry())).rejects.toMatchObject(expected);
    await expect(work(signet.change())).rejects.toMatchObject(expected);
    expect(await signet.fingerprint()).toEqual(before);
  }

  it("shows the version and what it would change, and keeps nothing", async () => {
    await signet.publish("dev", { limit: 1 });
    await signet.publish("dev", { limit: 2 });
    await signet.publish("dev", { limit: 2 });
    const before = await signet.fingerprint();
    const previewed = await activate(dry({ idempotencyKey: "k", ifSequence: 3 }), 1);
    expect(previewed).toMatchObject({
      ...{ bundle: { version: 1 }, isActive: false, sequence: 1 },
      change: {
        ...{ dryRun: true, isUnchanged: false, isSkipped: false, quota: null },
        difference: { total: 1, changes: [{ path: "/policies/limit", oldValue: "2", newValue: "1" }] },
      },
    });
    expect(await activate(dry(), 2)).toMatchObject({ change: { isUnchanged: true, difference: { total: 0 } } });
    expect(await activate(dry(), 3)).toMatchObject({ isActive: true, change: { isUnchanged: true } });
    expect(await signet.fingerprint()).toEqual(before);
    // The key is still free.
    const made = await activate(signet.change({ idempotencyKey: "k", ifSequence: 3 }), 1);
    expect(made).toMatchObject({ isActive: true, sequence: 4 });
    expect(made).not.toHaveProperty("change");
  });

  it("tells which version a rollback returns to", async () => {
    for (const limit of [1, 2, 3]) await signet.publish("dev", { limit });
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 2);
    const before = await signet.fingerprint();
    const previewed = await rollback(dry());
    expect(previewed).toMatchObject({
      ...{ bundle: { version: 1 }, isActive: false },
      change: { difference: { changes: [{ oldValue: "3", newValue: "1" }] } },
    });
    expect(await rollback(dry(), 1)).toMatchObject({ bundle: { version: 1 } });
    expect(await signet.fingerprint()).toEqual(before);
    expect(await rollback(signet.change())).toMatchObject({ bundle: { version: 1 }, isActive: true });
  });

  it("is refused as the activation is", async () => {
    await sameRefusal((caller) => rollback(caller), { code: "not_found" });
    await signet.publish("dev", { n: 1 });
    await sameRefusal((caller) => activate(caller, 9), { code: "not_found" });
    await sameRefusal((caller) => rollback(caller), { code: "conflict", reason: "no_earlier_version" });
    await signet.publish("dev", { n: 2 });
    await sameRefusal((caller) => activate({ ...caller, ifSequence: 7 }, 1), { code: "precondition_failed" });
    await sameRefusal((caller) => rollback({ ...caller, ifSequence: 7 }), { code: "precondition_failed" });
    const narrow = await signet.ci(["staging"]);
    await sameRefusal((caller) => activate({ ...caller, principal: narrow }, 1), { code: "forbidden" });
    await sameRefusal((caller) => rollback({ ...caller, principal: narrow }), { code: "forbidden" });
    await activate(signet.change(), 2, true);
    await sameRefusal((caller) => activate(caller, 1), { code: "conflict", reason: "held" });
    await sameRefusal((caller) => rollback(caller), { code: "conflict", reason: "held" });
    expect(await rollback(dry(), null, true)).toMatchObject({ bundle: { version: 1 } });
  });
});

describe("a promotion of the version that was looked at", () => {
  const signet = useServices();
  const promote = (sourceVersion: number, options: Partial<ChangeRequest> = {}) =>
    signet.services.publishing.promote(signet.change(options), signet.path("dev"), {
      ...{ promotedBy: null, reason: null, sourceVersion },
    });

  it("is refused when another one is active in the source, in a dry run and in the change", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = await signet.fingerprint();
    for (const dryRun of [true, false]) {
      await expect(promote(1, { dryRun })).rejects.toMatchObject({
        ...{ code: "precondition_failed", message: 'version 2 is active in "dev", not 1' },
      });
    }
    expect(await signet.fingerprint()).toEqual(before);
    expect(await promote(2)).toMatchObject({ bundle: { version: 1, environment: "staging" }, isActive: true });
  });

  it("is refused for a pipeline, and nothing is made in any target", async () => {
    const fan = await createFanOut(signet, 2);
    const { bundle } = await signet.publish("dev", { n: 1 });
    const before = await signet.fingerprint();
    const { pipelinePromotion } = signet.services;
    const work = (sourceVersion: number, dryRun = false) =>
      pipelinePromotion.promote(signet.change({ dryRun }), { ...toAll(fan), sourceVersion });
    await expect(work(7)).rejects.toMatchObject({ code: "precondition_failed" });
    await expect(work(7, true)).rejects.toMatchObject({ code: "precondition_failed" });
    expect(await signet.fingerprint()).toEqual(before);
    expect(await work(bundle.version)).toHaveLength(2);
  });
});
