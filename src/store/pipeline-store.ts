import type { Pipeline, PipelineApp, PipelineStage } from "../core/pipeline.js";
import type { Listed, Page } from "./page.js";

/** Which pipelines of an organization: all, those of a project or with an app of it, or those with one environment as an app. */
export interface PipelineFilter extends Page {
  readonly orgId: string;
  readonly projectId?: string;
  readonly environmentId?: string;
}

/** Reads of pipelines. Look-ups answer null for what is not there. */
export interface PipelineReader {
  pipeline(orgId: string, id: string): Promise<Pipeline | null>;
  /** Newest first. */
  pipelines(filter: PipelineFilter): Promise<Listed<Pipeline>>;
  /** One of those that belong to a project, or with null to none, by its name; another than `exceptId`. */
  pipelineNamed(
    orgId: string,
    projectId: string | null,
    displayName: string,
    exceptId: string,
  ): Promise<Pipeline | null>;
  countPipelines(orgId: string): Promise<number>;
  /** By order. */
  pipelineStages(pipelineId: string): Promise<readonly PipelineStage[]>;
  /** All apps of a pipeline, by project, position and name. */
  pipelineApps(pipelineId: string): Promise<readonly PipelineApp[]>;
}

/** Writes of pipelines. */
export interface PipelineWriter extends PipelineReader {
  insertPipeline(pipeline: Pipeline): Promise<void>;
  updatePipeline(pipeline: Pipeline): Promise<void>;
  /** Deletes its stages with it; environments stay. */
  deletePipeline(id: string): Promise<void>;
  insertPipelineStage(stage: PipelineStage): Promise<void>;
  updatePipelineStage(stage: PipelineStage): Promise<void>;
  /** Takes its apps out of it; environments stay. */
  deletePipelineStage(id: string): Promise<void>;
  /** Throws `conflict` when the environment is in a stage already. */
  insertPipelineApp(stageId: string, environmentId: string): Promise<void>;
  deletePipelineApp(environmentId: string): Promise<void>;
}
