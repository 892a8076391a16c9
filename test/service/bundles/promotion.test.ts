import { describe, expect, it } from "vitest";
import type { BundleState } from "../../../src/core/bundle.js";
import { publishInput, useServices } from "../fixture.js";

describe("promotion", () => {
  const signet = useServices();

  async function refusedLeaving(work: () => Promise<unknown>, expected: object): Promise<void> {
    const before = await signet.fingerprint();
    await expect(work()).rejects.toMatchObject(expected);
    expect(await signet.fingerprint()).toEqual(before);
  }

  it("makes a new bundle of the target with the source's content, signed for its new identity", async () => {
    const input = publishInput({ title: "T", description: "D", labels: { a: "b" }, publishedBy: "alice" });
    const source = await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    const { bundle, isActive, sequence } = await signet.services.publishing.promote(
      signet.change(),
      signet.path("dev"),
      { promotedBy: "bob", reason: null },
    );
    expect({ isActive, sequence }).toEqual({ isActive: true, sequence: 1 });
    const { policyHash, contentId } = source.bundle;
    const described = { title: "T", description: "D", labels: { a: "b" }, publishedBy: "bob", origin: "promote" };
    expect(bundle).toMatchObject({ version: 1, environment: "staging", policyHash, contentId, ...described });
    expect(bundle.id).not.toBe(source.bundle.id);
    expect(bundle.signatureV2).not.toBe(source.bundle.signatureV2);
    expect(await signet.environment("dev")).toMatchObject({ lastVersion: 1, sequence: 1 });
    expect(await signet.environment("prod")).toMatchObject({ lastVersion: 0, sequence: 0 });
  });

  it("takes what is active, not what is newest", async () => {
    const first = await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    await signet.activate("dev", 1);
    expect((await signet.promote("dev")).bundle.policyHash).toBe(first.bundle.policyHash);
  });

  it("rewrites the scope policies that name the source", async () => {
    const scopePolicies = '{"t:a:g:dev":{"n":1},"t:a:g:*":{"n":2}}';
    const input = publishInput({ scopePolicies });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    await signet.promote("dev");
    const { content } = await signet.services.bundles.get(signet.admin, signet.path("staging"), 1);
    expect(content.scopePolicies).toBe('{"t:a:g:staging":{"n":1},"t:a:g:*":{"n":2}}');
  });

  it("refuses scope policies that become one, and stores nothing", async () => {
    const input = publishInput({ scopePolicies: '{"t:a:g:dev":{},"t:a:g:staging":{}}' });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    const fields = [{ loc: ["body", "scope_policies", "t:a:g:dev"], type: "scope_collision" }];
    await refusedLeaving(() => signet.promote("dev"), { code: "invalid", fields });
  });

  it("refuses where there is no next stage", async () => {
    await signet.publish("prod");
    await refusedLeaving(() => signet.promote("prod"), { code: "no_target" });
  });

  it("refuses while nothing is active in the source, kept versions or not", async () => {
    await refusedLeaving(() => signet.promote("dev"), { code: "not_found" });
    const input = publishInput({ activate: false });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    await refusedLeaving(() => signet.promote("dev"), { code: "not_found" });
  });

  it("refuses a target that is not there yet", async () => {
    for (const name of ["dev", "staging"]) {
      await signet.services.environments.delete(signet.admin, signet.path(name));
    }
    const input = { name: "dev" };
    const made = await signet.services.environments.create(signet.admin, signet.projectId, input);
    expect(made.promotesTo).toBe("staging");
    await signet.publish("dev");
    await refusedLeaving(() => signet.promote("dev"), { code: "not_found", message: "environment not found" });
  });

  it("refuses when signing fails, and stores nothing", async () => {
    await signet.publish("dev");
    signet.moments.beforeBundleSignature = () => {
      throw new Error("the key's device is gone");
    };
    await refusedLeaving(() => signet.promote("dev"), { code: "signing_failed" });
  });

  it("promotes what is active in the end when the source changes while its content is signed", async () => {
    await signet.publish("dev", { n: 1 });
    let newer: BundleState | null = null;
    signet.moments.beforeBundleSignature = async () => {
      signet.moments.beforeBundleSignature = () => {};
      newer = await signet.publish("dev", { n: 2 });
    };
    const promoted = await signet.promote("dev");
    expect(promoted.bundle.policyHash).toBe(newer!.bundle.policyHash);
    expect(await signet.environment("staging")).toMatchObject({ lastVersion: 1, sequence: 1 });
  });

  it("gives up on a source that changes each time, and leaves the target alone", async () => {
    await signet.publish("dev", { n: 0 });
    let changes = 0;
    const changeSource = async () => {
      signet.moments.beforeBundleSignature = () => {};
      await signet.publish("dev", { n: (changes += 1) });
      signet.moments.beforeBundleSignature = changeSource;
    };
    signet.moments.beforeBundleSignature = changeSource;
    // One publish signs twice; each try of the promotion does too.
    await expect(signet.promote("dev")).rejects.toMatchObject({ code: "conflict" });
    expect(changes).toBeGreaterThanOrEqual(5);
    expect(await signet.environment("staging")).toMatchObject({ lastVersion: 0, sequence: 0 });
    expect(await signet.actions()).not.toContain("bundle.promoted");
  });

  it("If-Match guards the target, not the source", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    await refusedLeaving(() => signet.promote("dev", signet.change({ ifSequence: 2 })), {
      code: "precondition_failed",
    });
    await signet.promote("dev", signet.change({ ifSequence: 0 }));
    expect((await signet.promote("dev", signet.change({ ifSequence: 1 }))).sequence).toBe(2);
  });
});

describe("a ci token that may change some environments only", () => {
  const signet = useServices();
  const path = (name: string) => signet.path(name);

  it.each([
    ["publishes to staging", (c: Change) => signet.publish("staging", { n: 2 }, c), null],
    ["promotes from dev to staging", (c: Change) => signet.promote("dev", c), null],
    ["activates in staging", (c: Change) => signet.activate("staging", 1, c), null],
    ["does not publish to dev", (c: Change) => signet.publish("dev", { n: 2 }, c), "forbidden"],
    ["does not promote from staging to prod", (c: Change) => signet.promote("staging", c), "forbidden"],
    ["does not activate in prod", (c: Change) => signet.activate("prod", 1, c), "forbidden"],
    ["does not see what is not there", (c: Change) => signet.publish("none", {}, c), "not_found"],
  ])("%s", async (_, work, code) => {
    for (const name of ["dev", "staging", "prod"]) await signet.publish(name, { n: 1 });
    const caller = signet.change({ principal: await signet.ci(["staging"]) });
    const before = await signet.fingerprint();
    if (code === null) {
      expect((await work(caller)).bundle.environment).toBe("staging");
    } else {
      await expect(work(caller)).rejects.toMatchObject({ code });
      expect(await signet.fingerprint()).toEqual(before);
    }
  });

  it("reads all of its project, and nothing of another one", async () => {
    const principal = await signet.ci(["staging"]);
    await signet.publish("dev");
    expect((await signet.services.bundles.get(principal, path("dev"), 1)).state.bundle.version).toBe(1);
    const { project } = await signet.services.projects.create(signet.admin, "other");
    const elsewhere = { projectId: project.id, envName: "staging" };
    const input = publishInput();
    const refused = signet.services.publishing.publish(signet.change({ principal }), elsewhere, input);
    await expect(refused).rejects.toMatchObject({ code: "not_found", message: "project not found" });
  });
});

type Change = ReturnType<ReturnType<typeof useServices>["change"]>;
