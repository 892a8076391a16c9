import type { BundleState } from "../../core/bundle.js";
import type { Pipeline, PipelineApp } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import { actorData } from "../audit/audit.js";
import type { PromotionSource } from "../bundles/bundle-writer.js";
import type { NewEvent } from "../changes/outbox.js";

/** A target as it was before a promotion, and what the promotion made there. */
export interface Promoted {
  readonly app: PipelineApp;
  readonly state: BundleState;
}

/** One event about all targets of a promotion; each has a `bundle.promoted` of its own beside it. */
export function pipelinePromoted(
  caller: Principal,
  pipeline: Pipeline,
  { environment, bundle }: PromotionSource,
  promoted: readonly Promoted[],
  { promotedBy, reason }: { readonly promotedBy: string | null; readonly reason: string | null },
): NewEvent {
  return {
    orgId: pipeline.orgId,
    environmentId: null,
    type: "pipeline.promoted",
    data: {
      org_id: pipeline.orgId,
      pipeline_id: pipeline.id,
      pipeline: pipeline.displayName,
      project_id: pipeline.projectId,
      ...actorData(caller),
      promoted_by: promotedBy,
      reason,
      source: {
        app_id: environment.id,
        project_id: environment.projectId,
        environment: environment.name,
        version: bundle.version,
        policy_hash: bundle.policyHash,
        media_type: bundle.mediaType,
      },
      targets: promoted.map(({ app, state }) => ({
        app_id: app.environment.id,
        project_id: app.environment.projectId,
        project: app.projectSlug,
        environment: app.environment.name,
        version: state.bundle.version,
        from_version: app.environment.activeVersion,
        sequence: state.sequence,
        deployment_id: state.deploymentId,
        policy_hash: state.bundle.policyHash,
        media_type: state.bundle.mediaType,
      })),
    },
  };
}
