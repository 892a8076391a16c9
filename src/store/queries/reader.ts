import type { Kysely } from "kysely";
import { artifactReader } from "./artifacts.js";
import { auditLogReader } from "./audit/audit-log.js";
import { auditReader } from "./audit/audit.js";
import { bundleReader } from "./bundles.js";
import { bundleSearcher } from "./bundle-search.js";
import { claimReader } from "./claims.js";
import { consoleSessionReader } from "./console-sessions.js";
import { contentReader } from "./contents.js";
import { deploymentReader } from "./deployments.js";
import { environmentReader } from "./environments.js";
import { fleetReader } from "./runtimes/fleet.js";
import { idempotencyReader } from "./idempotency.js";
import { instanceReader } from "./runtimes/instances.js";
import { nodeReader } from "./nodes.js";
import { organizationReader } from "./organizations.js";
import { pipelineAppReader } from "./pipeline-apps.js";
import { pipelineStageReader } from "./pipeline-stages.js";
import { pipelineReader } from "./pipelines.js";
import { policySchemaReader } from "./policy-schemas.js";
import { projectReader } from "./projects.js";
import { publicKeyReader } from "./public-keys.js";
import { sealedKeyReader } from "./sealed-keys.js";
import { pruneReader } from "./prunable.js";
import type { Schema } from "../schema.js";
import type { Reader } from "../store.js";
import { deletionReader } from "./deletions.js";
import { deliveryReader } from "./webhooks/deliveries.js";
import { eventReader } from "./webhooks/outbox-events.js";
import { expiryReader, tokenReader } from "./tokens.js";
import { attestationReader } from "./trust/attestations.js";
import { releaseReader } from "./trust/releases.js";
import { rootReader } from "./trust/roots.js";
import { trustEndReader } from "./trust/trust-ends.js";
import { transferReader } from "./transfers.js";
import { backlogReader } from "./webhooks/webhook-backlog.js";
import { webhookReader } from "./webhooks/webhooks.js";

/** Every noun's look-ups over one connection or transaction. */
export function createReader(db: Kysely<Schema>): Reader {
  return {
    ...organizationReader(db),
    ...projectReader(db),
    ...environmentReader(db),
    ...bundleReader(db),
    ...bundleSearcher(db),
    ...pruneReader(db),
    ...contentReader(db),
    ...policySchemaReader(db),
    ...deploymentReader(db),
    ...tokenReader(db),
    ...auditReader(db),
    ...auditLogReader(db),
    ...idempotencyReader(db),
    ...instanceReader(db),
    ...fleetReader(db),
    ...nodeReader(db),
    ...publicKeyReader(db),
    ...sealedKeyReader(db),
    ...webhookReader(db),
    ...eventReader(db),
    ...deletionReader(db),
    ...deliveryReader(db),
    ...backlogReader(db),
    ...expiryReader(db),
    ...pipelineReader(db),
    ...pipelineStageReader(db),
    ...pipelineAppReader(db),
    ...artifactReader(db),
    ...transferReader(db),
    ...claimReader(db),
    ...consoleSessionReader(db),
    ...rootReader(db),
    ...releaseReader(db),
    ...trustEndReader(db),
    ...attestationReader(db),
  };
}
