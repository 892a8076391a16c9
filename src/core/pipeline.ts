import type { MediaType } from "./bundle.js";
import type { Instant } from "./clock.js";
import type { Environment } from "./organization.js";

/** The declared type of a pipeline. It does not change how Signet treats it. */
export type PipelineType = "trunk" | "branch";

/** Stages through which bundles are promoted. */
export interface Pipeline {
  readonly id: string;
  readonly orgId: string;
  /** Null if it belongs to the whole organization. */
  readonly projectId: string | null;
  readonly displayName: string;
  readonly type: PipelineType;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** `prod` is the last of the two stages of a new pipeline. */
export type PipelineStageType = "standard" | "prod";

/** A stage of a pipeline, with environments as its apps. */
export interface PipelineStage {
  readonly id: string;
  readonly pipelineId: string;
  readonly displayName: string;
  readonly type: PipelineStageType;
  /** From 0, without gaps. */
  readonly order: number;
  readonly branch: string | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** An environment in a stage. It is in at most one stage of all pipelines. */
export interface PipelineApp {
  readonly stageId: string;
  readonly environment: Environment;
  readonly projectSlug: string;
  /** Null while nothing was ever active. */
  readonly active: {
    readonly policyHash: string;
    readonly mediaType: MediaType;
    readonly contentId: string;
    readonly since: Instant;
  } | null;
}

/** The stages of a new pipeline, in order. */
export const FIRST_STAGES: readonly { readonly displayName: string; readonly type: PipelineStageType }[] = [
  { displayName: "Development", type: "standard" },
  { displayName: "Production", type: "prod" },
];
