import { describe, expect, it } from "vitest";
import type { PromotionRequest } from "../../../src/service/pipelines/promotion-request.js";
import { publishInput, useServices } from "../fixture.js";
import { createFanOut, toAll } from "./pipeline-fixture.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";

describe("a promotion to many targets", () => {
  const signet = useServices();
  const promote = (request: PromotionRequest, caller = signet.change()) =>
    signet.services.pipelinePromotion.promote(caller, request);

  async function refusedLeaving(work: () => Promise<unknown>, expected: object): Promise<void> {
    const before = await signet.fingerprint();
    await expect(work()).rejects.toMatchObject(expected);
    expect(await signet.fingerprint()).toEqual(before);
  }

  it("makes a bundle in each, signed for its own identity, and answers in the order asked", async () => {
    const fan = await createFanOut(signet, 3);
    const input = publishInput({
      ...{ title: "T", labels: { a: "b" }, scopePolicies: '{"t:a:g:dev":{"n":1},"t:a:g:*":{"n":2}}' },
    });
    const source = await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    const asked = [...toAll(fan).targetAppIds].reverse();
    const answer = await promote({ ...toAll(fan), targetAppIds: asked });
    expect(answer.map(({ targetAppId }) => targetAppId)).toEqual(asked);

    const signatures = new Set<string>();
    for (const [index, { deploymentId }] of [...answer].reverse().entries()) {
      const { state, content } = await signet.services.bundles.get(signet.admin, signet.path(`t${index}`), 1);
      expect(state).toMatchObject({ isActive: true, sequence: 1, deploymentId });
      expect(state.bundle).toMatchObject({
        environment: `t${index}`,
        title: "T",
        labels: { a: "b" },
        origin: "promote",
      });
      expect(content.policies).toBe('{"n":1}');
      expect(content.scopePolicies).toBe(`{"t:a:g:t${index}":{"n":1},"t:a:g:*":{"n":2}}`);
      expect(state.bundle.policyHash).not.toBe(source.bundle.policyHash);
      signatures.add(state.bundle.signatureV2);
    }
    expect(signatures.size).toBe(3);
    expect(await signet.environment("dev")).toMatchObject({ lastVersion: 1, sequence: 1 });
  });

  it("keeps the content once, records each activation and the whole, and tells both", async () => {
    const fan = await createFanOut(signet, 3);
    await signet.publish("dev");
    const before = (await signet.actions()).length;
    const contents = await signet.count("contents");
    const answer = await promote({ ...toAll(fan), promotedBy: "rita" });
    expect(await signet.count("contents")).toBe(contents);
    const actions = (await signet.actions()).slice(before);
    expect(actions).toEqual(["bundle.promoted", "bundle.promoted", "bundle.promoted", "pipeline.promoted"]);
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1 });
    expect(rows[0]).toMatchObject({
      resourceId: fan.pipelineId,
      metadata: {
        source_app_id: fan.source.id,
        target_app_ids: toAll(fan).targetAppIds,
        deployment_ids: answer.map(({ deploymentId }) => deploymentId),
        promoted_by: "rita",
      },
    });
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
    const events = await signet.store.read.eventsToFanOut(100);
    const told = events.slice(-4);
    expect(told.map(({ type }) => type)).toEqual([
      ...["bundle.promoted", "bundle.promoted", "bundle.promoted", "pipeline.promoted"],
    ]);
    expect(told.slice(0, 3).map(({ environmentId }) => environmentId)).toEqual([...toAll(fan).targetAppIds].sort());
    const { data } = JSON.parse(told[3]?.body ?? "{}") as { data: { source: unknown; targets: unknown[] } };
    expect(data.source).toMatchObject({ app_id: fan.source.id, environment: "dev", version: 1 });
    expect(data.targets).toMatchObject(
      answer.map(({ targetAppId, deploymentId }, index) => ({
        ...{ app_id: targetAppId, environment: `t${index}`, version: 1, from_version: null, sequence: 1 },
        deployment_id: deploymentId,
      })),
    );
  });

  it.each([
    ["a target outside of the pipeline", { targetAppIds: [NOBODY] }, ["target_app_ids", "0"], "unknown"],
    ["a source outside of the pipeline", { sourceAppId: NOBODY }, ["source_app_id"], "unknown"],
  ])("refuses %s, and changes nothing", async (_, change, loc, type) => {
    const fan = await createFanOut(signet, 1);
    await signet.publish("dev");
    await refusedLeaving(() => promote({ ...toAll(fan), ...change }), {
      code: "invalid",
      fields: [{ loc: ["body", ...loc], type }],
    });
  });

  it("refuses a target twice, the source among them, and stages that are not later", async () => {
    const fan = await createFanOut(signet, 2);
    const [first = "", second = ""] = toAll(fan).targetAppIds;
    await signet.publish("dev");
    await signet.publish("t0");
    const refuse = (change: object, index: string, type: string) =>
      refusedLeaving(() => promote({ ...toAll(fan), ...change }), {
        ...{ code: "invalid", fields: [{ loc: ["body", "target_app_ids", index], type }] },
      });
    await refuse({ targetAppIds: [first, first] }, "1", "duplicate");
    await refuse({ targetAppIds: [first, fan.source.id] }, "1", "source");
    await refuse({ sourceAppId: first, targetAppIds: [second] }, "0", "stage");
    await refuse({ sourceAppId: first, targetAppIds: [fan.source.id] }, "0", "stage");
  });

  it("refuses an unknown pipeline, and a source in which nothing is active", async () => {
    const fan = await createFanOut(signet, 1);
    await refusedLeaving(() => promote({ ...toAll(fan), pipelineId: NOBODY }), { code: "not_found" });
    await refusedLeaving(() => promote(toAll(fan)), { code: "not_found", message: 'nothing is active in "dev"' });
  });

  it("refuses If-Match, which names one environment", async () => {
    const fan = await createFanOut(signet, 1);
    await signet.publish("dev");
    await refusedLeaving(() => promote(toAll(fan), signet.change({ ifSequence: 0 })), {
      ...{ code: "invalid", fields: [{ loc: ["header", "if-match"] }] },
    });
  });

  it("does all or nothing when the quota of one target is used up", async () => {
    const fan = await createFanOut(signet, 3);
    await signet.publish("dev");
    await signet.publish("t1");
    const { organizations } = signet.services;
    await organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: 1 });
    await refusedLeaving(() => promote(toAll(fan)), { code: "quota_exceeded", reason: "version_quota_exceeded" });
    const others = { ...toAll(fan), targetAppIds: [fan.targets[0]?.id ?? "", fan.targets[2]?.id ?? ""] };
    expect(await promote(others)).toHaveLength(2);
  });

  it("does nothing when the last target fails in the middle of the transaction", async () => {
    const fan = await createFanOut(signet, 3);
    await signet.publish("dev");
    let signatures = 0;
    signet.moments.beforeAuditSignature = () => {
      signatures += 1;
      if (signatures === 3) throw new Error("the audit key's device is gone");
    };
    await refusedLeaving(() => promote(toAll(fan)), {});
    expect(signatures).toBe(3);
  });

  it("promotes what is active in the end when the source changes while its content is signed", async () => {
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev", { n: 1 });
    signet.moments.beforeBundleSignature = async () => {
      signet.moments.beforeBundleSignature = () => {};
      await signet.publish("dev", { n: 2 });
    };
    await promote(toAll(fan));
    for (const name of ["t0", "t1"]) {
      const { content } = await signet.services.bundles.get(signet.admin, signet.path(name), 1);
      expect(content.policies).toBe('{"n":2}');
      expect(await signet.environment(name)).toMatchObject({ lastVersion: 1, sequence: 1 });
    }
  });

  it("refuses when a target leaves the pipeline while its bundle is signed", async () => {
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev");
    const view = await fan.view();
    signet.moments.beforeBundleSignature = async () => {
      signet.moments.beforeBundleSignature = () => {};
      const stageId = view.stages[1]?.stage.id ?? "";
      await signet.services.pipelineStages.removeApp(signet.admin, fan.pipelineId, stageId, fan.targets[1]?.id ?? "");
    };
    await expect(promote(toAll(fan))).rejects.toMatchObject({ code: "invalid", fields: [{ type: "unknown" }] });
    expect(await signet.environment("t0")).toMatchObject({ lastVersion: 0, sequence: 0 });
  });

  it("answers a retry with the same key without a second bundle, and refuses another request under it", async () => {
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev");
    const caller = signet.change({ idempotencyKey: "deploy-1" });
    const answer = await promote(toAll(fan), caller);
    const before = await signet.fingerprint();
    expect(await promote(toAll(fan), caller)).toEqual(answer);
    const other = { ...toAll(fan), targetAppIds: toAll(fan).targetAppIds.slice(1) };
    await expect(promote(other, caller)).rejects.toMatchObject({ fields: [{ type: "idempotency_key_reused" }] });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("two that race on overlapping targets end in one order, the same in every target", async () => {
    const fan = await createFanOut(signet, 6, "one");
    await signet.publish("dev", { n: 1 });
    const ids = toAll(fan).targetAppIds;
    const requests = Array.from({ length: 8 }, (_, index) => ({
      ...{ ...toAll(fan), promotedBy: `p${index}` },
      targetAppIds: index % 2 === 0 ? ids.slice(0, 4) : [...ids].reverse().slice(0, 4),
    }));
    const answers = await Promise.all(requests.map((request) => promote(request)));
    const histories = new Map<string, string[]>();
    for (const [index, { id, name }] of fan.targets.entries()) {
      const { rows } = await signet.services.bundles.list(signet.admin, signet.path(name), undefined, undefined);
      histories.set(id, rows.map(({ bundle }) => bundle.publishedBy ?? "").reverse());
      expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, at) => rows.length - at));
      expect(rows).toHaveLength(index < 2 || index > 3 ? 4 : 8);
    }
    // Whoever came first somewhere came first wherever both went.
    const [third = [], fourth = []] = [ids[2], ids[3]].map((id) => histories.get(id ?? ""));
    expect(third).toEqual(fourth);
    for (const history of histories.values()) {
      expect(history).toEqual(third.filter((by) => history.includes(by)));
    }
    const deployments = answers.flat().map(({ deploymentId }) => deploymentId);
    expect(new Set(deployments).size).toBe(32);
  });
});

describe("who may promote in a pipeline", () => {
  const signet = useServices();

  it("a ci token of one project promotes among its own apps, and does not see the others", async () => {
    const { pipelines, pipelineStages, pipelinePromotion, projects } = signet.services;
    const fan = await createFanOut(signet, 1);
    await signet.publish("dev");
    const { environments } = await projects.create(signet.admin, "other");
    const foreign = environments[0]?.id ?? "";
    const second = (await fan.view()).stages[1]?.stage.id ?? "";
    await pipelineStages.addApp(signet.admin, fan.pipelineId, second, foreign);
    const principal = await signet.ci();
    const caller = signet.change({ principal });

    const seen = await pipelines.get(principal, fan.pipelineId);
    expect(seen.stages.map(({ apps }) => apps.length)).toEqual([1, 1]);
    const both = { ...toAll(fan), targetAppIds: [...toAll(fan).targetAppIds, foreign] };
    await expect(pipelinePromotion.promote(caller, both)).rejects.toMatchObject({
      ...{ code: "invalid", fields: [{ loc: ["body", "target_app_ids", "1"], type: "unknown" }] },
    });
    expect(await pipelinePromotion.promote(caller, toAll(fan))).toHaveLength(1);
    expect(await pipelinePromotion.promote(signet.change(), both)).toHaveLength(2);
  });

  it("a ci token that is narrowed promotes to nothing else, not even together with what it may change", async () => {
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev");
    const caller = signet.change({ principal: await signet.ci(["t0"]) });
    const before = await signet.fingerprint();
    const { pipelinePromotion } = signet.services;
    await expect(pipelinePromotion.promote(caller, toAll(fan))).rejects.toMatchObject({ code: "forbidden" });
    expect(await signet.fingerprint()).toEqual(before);
    const own = { ...toAll(fan), targetAppIds: [fan.targets[0]?.id ?? ""] };
    expect(await pipelinePromotion.promote(caller, own)).toHaveLength(1);
  });
});
