import type { Kysely } from "kysely";
import { artifactWriter } from "./artifacts.js";
import { auditLogWriter } from "./audit/audit-log.js";
import { auditWriter } from "./audit/audit.js";
import { bundleWriter } from "./bundles.js";
import { claimWriter } from "./claims.js";
import { consoleSessionWriter } from "./console-sessions.js";
import { contentWriter } from "./contents.js";
import { deploymentWriter } from "./deployments.js";
import { environmentWriter } from "./environments.js";
import { idempotencyWriter } from "./idempotency.js";
import { instanceWriter } from "./runtimes/instances.js";
import { nodeWriter } from "./nodes.js";
import { organizationWriter } from "./organizations.js";
import { pipelineAppWriter } from "./pipeline-apps.js";
import { pipelineStageWriter } from "./pipeline-stages.js";
import { pipelineWriter } from "./pipelines.js";
import { policySchemaWriter } from "./policy-schemas.js";
import { projectWriter } from "./projects.js";
import { publicKeyWriter } from "./public-keys.js";
import { sealedKeyWriter } from "./sealed-keys.js";
import { createReader } from "./reader.js";
import type { Schema } from "../schema.js";
import type { Writer } from "../store.js";
import { deletionWriter } from "./deletions.js";
import { deliveryWriter } from "./webhooks/deliveries.js";
import { eventWriter } from "./webhooks/outbox-events.js";
import { expiryWriter, tokenWriter } from "./tokens.js";
import { attestationWriter } from "./trust/attestations.js";
import { releaseWriter } from "./trust/releases.js";
import { rootWriter } from "./trust/roots.js";
import { transferWriter } from "./transfers.js";
import { webhookWriter } from "./webhooks/webhooks.js";

/** Every noun's look-ups and changes; `tx` runs its statements inside of a transaction. */
export function createWriter(tx: Kysely<Schema>): Writer {
  return {
    ...createReader(tx),
    ...organizationWriter(tx),
    ...projectWriter(tx),
    ...environmentWriter(tx),
    ...bundleWriter(tx),
    ...contentWriter(tx),
    ...policySchemaWriter(tx),
    ...deploymentWriter(tx),
    ...tokenWriter(tx),
    ...auditWriter(tx),
    ...auditLogWriter(tx),
    ...idempotencyWriter(tx),
    ...instanceWriter(tx),
    ...nodeWriter(tx),
    ...publicKeyWriter(tx),
    ...sealedKeyWriter(tx),
    ...webhookWriter(tx),
    ...eventWriter(tx),
    ...deletionWriter(tx),
    ...deliveryWriter(tx),
    ...expiryWriter(tx),
    ...pipelineWriter(tx),
    ...pipelineStageWriter(tx),
    ...pipelineAppWriter(tx),
    ...artifactWriter(tx),
    ...transferWriter(tx),
    ...claimWriter(tx),
    ...consoleSessionWriter(tx),
    ...rootWriter(tx),
    ...releaseWriter(tx),
    ...attestationWriter(tx),
  };
}
