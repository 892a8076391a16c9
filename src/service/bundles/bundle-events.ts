import type { BundleState } from "../../core/bundle.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Writer } from "../../store/store.js";
import { actorData } from "../audit/audit.js";
import type { EventData, NewEvent } from "../changes/outbox.js";

/** A webhook event about a bundle; `environment` is its state before the change. `reason` is null unless it is in `more`. */
export async function bundleEvent(
  tx: Writer,
  caller: Principal,
  type: NewEvent["type"],
  environment: Environment,
  { bundle, sequence, deploymentId }: BundleState,
  more: EventData = {},
): Promise<NewEvent> {
  const project = await tx.project(environment.orgId, environment.projectId);
  return {
    orgId: environment.orgId,
    environmentId: environment.id,
    type,
    data: {
      org_id: environment.orgId,
      project_id: environment.projectId,
      project: project?.slug ?? null,
      environment: environment.name,
      version: bundle.version,
      from_version: environment.activeVersion,
      sequence,
      deployment_id: deploymentId,
      policy_hash: bundle.policyHash,
      media_type: bundle.mediaType,
      ...actorData(caller),
      reason: null,
      title: bundle.title,
      labels: bundle.labels,
      source: bundle.source,
      ...more,
    },
  };
}
