import { AppError, notFound } from "../../core/error.js";
import type { Pipeline, PipelineApp, PipelineStage } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Reader } from "../../store/store.js";
import { seesEnvironment } from "../access/access.js";

/** A pipeline as a token sees it. */
export interface SeenPipeline {
  readonly pipeline: Pipeline;
  /** By order. */
  readonly stages: readonly PipelineStage[];
  /** Those that the token sees. */
  readonly apps: readonly PipelineApp[];
}

/**
 * The pipeline, if this token sees it: one of its project, or one with an app that it sees; a runtime token the second only. Throws
 * `not_found` for what is not there and for what it does not see, alike.
 */
export async function visiblePipeline(reader: Reader, principal: Principal, pipelineId: string): Promise<SeenPipeline> {
  const pipeline = await reader.pipeline(principal.orgId, pipelineId);
  if (pipeline === null) throw notFound("pipeline");
  const [stages, all] = [await reader.pipelineStages(pipelineId), await reader.pipelineApps(pipelineId)];
  const apps = all.filter(({ environment }) => seesEnvironment(principal, environment));
  const isOwn =
    principal.environmentId === null && (principal.projectId === null || principal.projectId === pipeline.projectId);
  if (!isOwn && apps.length === 0) throw notFound("pipeline");
  return { pipeline, stages, apps };
}

/** As visiblePipeline, for a change of the pipeline itself. Throws `forbidden` when the token may see it but not change it. */
export async function changeablePipeline(reader: Reader, principal: Principal, id: string): Promise<SeenPipeline> {
  const seen = await visiblePipeline(reader, principal, id);
  requirePipelineWriter(principal);
  if (principal.projectId !== null && principal.projectId !== seen.pipeline.projectId) {
    throw new AppError("forbidden", "the pipeline does not belong to the token's project");
  }
  return seen;
}

/** A pipeline is about several environments: throws `forbidden` for a ci token that may change some only. */
export function requirePipelineWriter(principal: Principal): void {
  if (principal.environments.length === 0) return;
  throw new AppError("forbidden", "a token for some environments only may not change pipelines");
}

/** A stage of the pipeline. Throws `not_found` for another one. */
export function stageOf({ stages }: SeenPipeline, stageId: string): PipelineStage {
  const stage = stages.find((candidate) => candidate.id === stageId);
  if (stage === undefined) throw notFound("stage");
  return stage;
}
