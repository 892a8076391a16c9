import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import { publishInput, useServices } from "../fixture.js";

const WHY = { hold: true, reason: "INC-311" };

describe("a hold", () => {
  const signet = useServices();
  const hold = (envName: string, version: number, caller = signet.change()) =>
    signet.services.bundles.activate(caller, signet.path(envName), version, WHY);
  const release = (principal: Principal = signet.admin) =>
    signet.services.holds.release(principal, signet.path("prod"));

  /** Two versions in prod, the first of them active and held; something active in staging. */
  async function held() {
    await signet.publish("staging", { n: 9 });
    for (const n of [1, 2]) await signet.publish("prod", { n });
    await hold("prod", 1);
  }

  const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["a publication", () => signet.publish("prod", { n: 3 })],
    ["a promotion into it", () => signet.promote("staging")],
    ["a promotion by CI", async () => signet.promote("staging", signet.change({ principal: await signet.ci() }))],
    ["an activation without a hold of its own", () => signet.activate("prod", 2)],
    ["a pipeline", () => promoteByPipeline()],
    ["an artifact, where it is the first environment", () => promoteArtifact()],
  ];
  it.each(changes)("is not overrun by %s, and nothing changes", async (_, change) => {
    await held();
    await signet.services.environments.update(signet.admin, signet.path("prod"), { position: 0 });
    await signet.services.environments.update(signet.admin, signet.path("dev"), { position: 5 });
    const before = await signet.environment("prod");
    await expect(change()).rejects.toMatchObject({
      code: "conflict",
      reason: "held",
      message: `"prod" is held at version 1 by first admin (${signet.admin.keyPrefix}) since ${before.hold?.since}: INC-311`,
    });
    expect(await signet.environment("prod")).toEqual(before);
    expect(before).toMatchObject({
      activeVersion: 1,
      sequence: 3,
      hold: { by: signet.admin.keyPrefix, reason: "INC-311" },
    });
  });

  it("lets a version be kept, other environments change, and the hold move to another version", async () => {
    await held();
    await signet.services.publishing.publish(
      signet.change(),
      signet.path("prod"),
      publishInput({ policies: '{"n":3}', activate: false }),
    );
    await signet.publish("dev", { n: 1 });
    await signet.activate("staging", 1);
    await hold("prod", 2);
    expect(await signet.environment("prod")).toMatchObject({
      activeVersion: 2,
      lastVersion: 3,
      hold: { reason: "INC-311" },
    });
    await expect(signet.publish("prod")).rejects.toMatchObject({ reason: "held" });
  });

  it("ends when it is released, once, by CI too, and is told each time", async () => {
    await held();
    expect(await release(await signet.ci())).toMatchObject({ hold: null, activeVersion: 1, sequence: 3 });
    await release();
    await signet.promote("staging");
    expect(await signet.environment("prod")).toMatchObject({ activeVersion: 3, hold: null });
    const actions = (await signet.actions()).filter(
      (action) => action.startsWith("environment.") && action !== "environment.updated",
    );
    expect(actions).toEqual(["environment.held", "environment.released"]);
    expect(await signet.count("outbox_events where type in ('environment.held', 'environment.released')")).toBe(2);
  });

  it("is not ended by who may not change the environment", async () => {
    await held();
    await expect(release(await signet.ci(["dev"]))).rejects.toMatchObject({ code: "forbidden" });
    await expect(release(await signet.foreigner())).rejects.toMatchObject({ code: "not_found" });
    expect((await signet.environment("prod")).hold).not.toBeNull();
  });

  it("survives a restart, and answers a retry of what made it", async () => {
    await held();
    const again = signet.change({ idempotencyKey: "k" });
    const first = await hold("prod", 2, again);
    await signet.reopen();
    expect(await hold("prod", 2, again)).toEqual(first);
    await expect(signet.publish("prod")).rejects.toMatchObject({ reason: "held" });
  });

  async function promoteByPipeline() {
    const { pipelines, pipelineStages, pipelinePromotion } = signet.services;
    const input = { displayName: "all", type: "trunk", projectId: signet.projectId } as const;
    const { pipeline, stages } = await pipelines.create(signet.admin, input);
    const [source, target] = [await signet.environment("staging"), await signet.environment("prod")];
    await pipelineStages.addApp(signet.admin, pipeline.id, stages[0]?.stage.id ?? "", source.id);
    await pipelineStages.addApp(signet.admin, pipeline.id, stages[1]?.stage.id ?? "", target.id);
    const apps = { sourceAppId: source.id, targetAppIds: [target.id] };
    const request = { pipelineId: pipeline.id, ...apps, promotedBy: null, reason: null };
    return await pipelinePromotion.promote(signet.change(), request);
  }

  async function promoteArtifact() {
    const { artifacts, artifactPromotions } = signet.services;
    const input = { projectId: signet.projectId, policies: '{"n":7}', name: null, mediaType: null };
    const { id } = await artifacts.create(signet.change(), input);
    return await artifactPromotions.promote(signet.change(), id, { title: null, description: null, reason: null });
  }
});
