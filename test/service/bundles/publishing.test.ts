import { describe, expect, it } from "vitest";
import { publishInput, useServices } from "../fixture.js";

describe("publishing", () => {
  const signet = useServices();
  const publishing = () => signet.services.publishing;

  it("numbers versions from 1 in each environment and makes each one active", async () => {
    const first = await signet.publish("dev", { n: 1 });
    const second = await signet.publish("dev", { n: 2 });
    const elsewhere = await signet.publish("prod", { n: 1 });
    expect([first, second, elsewhere].map(({ bundle, sequence }) => [bundle.version, sequence])).toEqual([
      [1, 1],
      [2, 2],
      [1, 1],
    ]);
    expect((await signet.environment("dev")).activeVersion).toBe(2);
    expect((await signet.environment("staging")).activeVersion).toBeNull();
  });

  it("with activate false keeps and signs it, and leaves what is active alone", async () => {
    await signet.publish("dev", { n: 1 });
    const input = publishInput({ policies: '{"n":2}', activate: false });
    const kept = await publishing().publish(signet.change(), signet.path("dev"), input);
    expect(kept).toMatchObject({ isActive: false, deploymentId: null, sequence: null, bundle: { version: 2 } });
    expect(kept.bundle.signatureV2).not.toBe("");
    expect(await signet.environment("dev")).toMatchObject({ activeVersion: 1, sequence: 1, lastVersion: 2 });
    expect(await signet.count("deployments")).toBe(1);
  });

  it("keeps the order of the keys, and keeps a content once", async () => {
    const first = await signet.publish("dev", { b: 1, a: 2 });
    const again = await signet.publish("prod", { b: 1, a: 2 });
    const turned = await signet.publish("dev", { a: 2, b: 1 });
    expect(again.bundle.contentId).toBe(first.bundle.contentId);
    expect(turned.bundle.contentId).not.toBe(first.bundle.contentId);
    expect(turned.bundle.policyHash).toBe(first.bundle.policyHash);
    expect(await signet.count("contents")).toBe(2);
    const document = await signet.services.bundles.document(signet.admin, signet.path("dev"), 1);
    expect(document).toContain('"policies":{"b":1,"a":2}');
  });

  it.each([
    ["nothing was ever published", 0, 0],
    ["the newest sequence", 2, 2],
  ])("If-Match with %s is taken", async (_, published, ifSequence) => {
    for (let n = 0; n < published; n += 1) await signet.publish("dev", { n });
    const state = await signet.publish("dev", { n: "guarded" }, signet.change({ ifSequence }));
    expect(state.sequence).toBe(ifSequence + 1);
  });

  it.each([0, 1, 3])("If-Match %i is refused at sequence 2, and nothing is stored", async (ifSequence) => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = await signet.fingerprint();
    const caller = signet.change({ ifSequence, idempotencyKey: "k" });
    await expect(signet.publish("dev", { n: 3 }, caller)).rejects.toMatchObject({ code: "precondition_failed" });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("stores nothing when signing fails, and works again afterwards", async () => {
    const before = await signet.fingerprint();
    signet.moments.beforeBundleSignature = () => {
      throw new Error("the key's device is gone");
    };
    const refused = signet.publish("dev", { n: 1 }, signet.change({ idempotencyKey: "k" }));
    await expect(refused).rejects.toMatchObject({ code: "signing_failed", message: "policy signing failed" });
    expect(await signet.fingerprint()).toEqual(before);
    signet.moments.beforeBundleSignature = () => {};
    expect((await signet.publish("dev", { n: 1 }, signet.change({ idempotencyKey: "k" }))).bundle.version).toBe(1);
  });
});

describe("the quota of versions", () => {
  const signet = useServices();
  const allow = (versionsPerEnvironment: number | null) =>
    signet.services.organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment });

  it("refuses one too many for each environment alone, and a deletion makes room", async () => {
    await allow(2);
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = await signet.fingerprint();
    await expect(signet.publish("dev", { n: 3 })).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(await signet.fingerprint()).toEqual(before);
    await signet.publish("prod", { n: 1 });
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
    expect((await signet.publish("dev", { n: 3 })).bundle.version).toBe(3);
  });

  it("gives the last place to one of two that ask at once", async () => {
    await allow(1);
    const both = await Promise.allSettled([signet.publish("dev", { n: 1 }), signet.publish("dev", { n: 2 })]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = both.find(({ status }) => status === "rejected");
    expect(refused).toMatchObject({ reason: { code: "quota_exceeded" } });
    expect(await signet.count("bundles")).toBe(1);
    expect(await signet.environment("dev")).toMatchObject({ lastVersion: 1, sequence: 1 });
  });

  it("of 0 keeps nothing, and null keeps all", async () => {
    await allow(0);
    await expect(signet.publish("dev")).rejects.toMatchObject({ code: "quota_exceeded" });
    await allow(null);
    await signet.publish("dev");
  });

  it("counts for the target of a promotion", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("staging", { n: 1 });
    await allow(1);
    const before = await signet.fingerprint();
    await expect(signet.promote("dev")).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(await signet.fingerprint()).toEqual(before);
  });
});

describe("what a publish may say of itself", () => {
  const signet = useServices();
  const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, "v"]));

  it.each([
    ["a title of 255 characters outside of the BMP", { title: "😀".repeat(255) }],
    ["a description with line breaks and tabs", { description: "one\n\ttwo\r\n" }],
    ["64 labels", { labels: labels(64) }],
    ["a label of 63 and 255 characters", { labels: { ["k".repeat(63)]: "v".repeat(255) } }],
    ["a label without a value", { labels: { team: "" } }],
  ])("%s is taken and kept as it is", async (_, input) => {
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), publishInput(input));
    const { state } = await signet.services.bundles.get(signet.admin, signet.path("dev"), 1);
    expect(state.bundle).toMatchObject(input);
  });

  it.each([
    ["policies that are an array", { policies: "[]" }, ["policies"], "type"],
    ["policies that are null", { policies: "null" }, ["policies"], "type"],
    ["scope policies that are an array", { scopePolicies: "[]" }, ["scope_policies"], "type"],
    ["a scope key of three parts", { scopePolicies: '{"a:b:c":{}}' }, ["scope_policies", "a:b:c"], "scope_key"],
  ])("%s is refused with its place, and nothing is stored", async (_, input, path, type) => {
    const before = await signet.fingerprint();
    const refused = signet.services.publishing.publish(signet.change(), signet.path("dev"), publishInput(input));
    await expect(refused).rejects.toMatchObject({ code: "invalid", fields: [{ loc: ["body", ...path], type }] });
    expect(await signet.fingerprint()).toEqual(before);
  });
});
