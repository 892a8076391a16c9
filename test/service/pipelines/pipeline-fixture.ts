import type { Environment } from "../../../src/core/organization.js";
import type { PromotionRequest } from "../../../src/service/pipelines/promotion-request.js";
import type { PipelineView } from "../../../src/service/pipelines/pipeline-view.js";
import type { Fixture } from "../fixture.js";

/** A pipeline with dev of the first project in its first stage, and `targets` in its second. */
export interface FanOut {
  readonly pipelineId: string;
  readonly source: Environment;
  readonly targets: readonly Environment[];
  view(): Promise<PipelineView>;
}

/** Makes one; the targets are further environments of the first project, `t0`, `t1` and so on. */
export async function createFanOut(signet: Fixture, count: number, displayName = "fan-out"): Promise<FanOut> {
  const { pipelines, pipelineStages, environments } = signet.services;
  const { pipeline, stages } = await pipelines.create(signet.admin, { displayName, type: "trunk", projectId: null });
  const [first, second] = stages.map(({ stage }) => stage.id);
  const add = (stageId: string | undefined, { id }: Environment) =>
    pipelineStages.addApp(signet.admin, pipeline.id, stageId ?? "", id);
  const source = await signet.environment("dev");
  await add(first, source);
  const targets: Environment[] = [];
  for (let index = 0; index < count; index += 1) {
    const input = { name: `t${index}`, promotesTo: null };
    const target = await environments.create(signet.admin, signet.projectId, input);
    await add(second, target);
    targets.push(target);
  }
  return { pipelineId: pipeline.id, source, targets, view: () => pipelines.get(signet.admin, pipeline.id) };
}

/** What is asked of a promotion to all targets. */
export function toAll({ pipelineId, source, targets }: FanOut): PromotionRequest {
  return {
    pipelineId,
    sourceAppId: source.id,
    targetAppIds: targets.map(({ id }) => id),
    promotedBy: null,
    reason: null,
  };
}
