import type { Instant } from "./clock.js";
import type { Environment } from "./organization.js";

/** What the maker of a pipeline says it is. Signet makes no difference between them. */
export type PipelineType = "trunk" | "branch";

/** Stages through which bundles are promoted. */
export interface Pipeline {
  readonly id: string;
  readonly orgId: string;
  /** Null when it is the organization's. */
  readonly projectId: string | null;
  readonly displayName: string;
  readonly type: PipelineType;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** `prod` is the last one of the two that a pipeline is made with. */
export type PipelineStageType = "standard" | "prod";

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

/** An environment in a stage. It is in one at most, of all pipelines. */
export interface PipelineApp {
  readonly stageId: string;
  readonly environment: Environment;
  readonly projectSlug: string;
  /** Null while nothing was ever active. */
  readonly active: {
    readonly policyHash: string;
    readonly contentId: string;
    readonly since: Instant;
  } | null;
}

/** The stages that a new pipeline has, in order. */
export const FIRST_STAGES: readonly { readonly displayName: string; readonly type: PipelineStageType }[] = [
  { displayName: "Development", type: "standard" },
  { displayName: "Production", type: "prod" },
];
