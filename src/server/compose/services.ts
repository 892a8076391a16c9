import type { SessionLimits } from "../../service/access/sessions.js";
import { Documents, type DocumentsOptions } from "../../service/documents/documents.js";
import type { DecisionSink } from "../../service/opa/opa-decisions.js";
import type { NodeIdentity } from "../../service/nodes/nodes.js";
import { composeAudit, type AuditServices } from "./audit.js";
import { composeBundles, type BundleServices } from "./bundles.js";
import { composeChanges, type ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import { composeKeys, type KeyServices } from "./keys.js";
import { composeNodes, type NodeServices } from "./nodes.js";
import { composeProofs, type ProofServices } from "./proofs.js";
import { composeOpa, type OpaServices } from "./opa.js";
import { composePipelines, type PipelineServices } from "./pipelines.js";
import { composeRoots, type RootServices } from "./roots.js";
import { composeRotation, type RotationServices } from "./rotation.js";
import { composeRuntimes, type RuntimeServices } from "./runtimes.js";
import { composeTenancy, type TenancyServices } from "./tenancy.js";
import { composeTokens, type TokenServices } from "./tokens.js";
import { composeTransfer, type TransferServices } from "./transfer.js";
import type { ServerName } from "../../service/transfer/exporting.js";
import { composeTrust, type TrustServices } from "./trust.js";
import { composeWatches, type WatchServices } from "./watches.js";
import { composeWebhooks, type WebhookOptions, type WebhookServices } from "./webhooks.js";

/** How the features of a server differ from those of another one. */
export interface ServiceOptions {
  readonly sessionLimits: SessionLimits;
  /** Time between heartbeats of a watch. */
  readonly heartbeatMs: number;
  /** The life of a lease. */
  readonly leaseSeconds: number;
  readonly documents: DocumentsOptions;
  /** How exports name the server. */
  readonly server: ServerName;
  /** Where people find the server whose console is linked to; null for no links. */
  readonly consoleServer: string | null;
  readonly webhooks: WebhookOptions;
  /** Where decisions that OPAs log are kept; null only counts them. */
  readonly decisions: DecisionSink | null;
  /** How `signet nodes` shows this process. */
  readonly node: NodeIdentity;
}

/** The features of a server. Each user of them declares by a type of its own which ones it needs. */
export interface Services {
  readonly changes: ChangeServices;
  readonly keys: KeyServices;
  readonly audit: AuditServices;
  readonly rotation: RotationServices;
  readonly tokens: TokenServices;
  readonly nodes: NodeServices;
  readonly roots: RootServices;
  readonly trust: TrustServices;
  readonly tenancy: TenancyServices;
  /** Disposing of it ends its threads. */
  readonly documents: Documents;
  readonly bundles: BundleServices;
  readonly proofs: ProofServices;
  readonly pipelines: PipelineServices;
  readonly runtimes: RuntimeServices;
  readonly opa: OpaServices;
  readonly watches: WatchServices;
  readonly transfer: TransferServices;
  readonly webhooks: WebhookServices;
}

/** Composes each feature from those before it. Nothing is started: neither a timer nor a thread nor a delivery. */
export function composeServices(context: ServiceContext, options: ServiceOptions): Services {
  const documents = new Documents(options.documents);
  const changes = composeChanges(context, options);
  const keys = composeKeys(context);
  const audit = composeAudit(context, keys);
  const rotation = composeRotation(context, { ...keys, ...audit });
  const tokens = composeTokens(context, { ...audit, ...changes }, options.sessionLimits);
  const nodes = composeNodes(context, tokens, options.node);
  const tenancy = composeTenancy(context, { ...audit, ...tokens, ...changes });
  const roots = composeRoots(context, { ...audit, ...changes });
  const trust = composeTrust(context, roots);
  const bundles = composeBundles(context, { ...keys, ...audit, ...changes, ...roots, ...trust }, documents);
  const proofs = composeProofs(
    context,
    { ...audit, ...trust, ...roots, ...bundles, ...tokens, ...changes },
    options.leaseSeconds,
  );
  const pipelines = composePipelines(context, { ...audit, ...bundles, ...changes, ...roots }, documents);
  const runtimes = composeRuntimes(
    context,
    { ...bundles, ...tokens, ...changes, ...nodes, ...proofs, ...roots },
    { documents, heartbeatMs: options.heartbeatMs },
  );
  const opa = composeOpa(context, runtimes, { documents, decisions: options.decisions });
  const watches = composeWatches(context, tokens, options.heartbeatMs);
  const transfer = composeTransfer(
    context,
    { ...keys, ...audit, ...changes, ...bundles, ...roots },
    { documents, server: options.server },
  );
  const webhooks = composeWebhooks(context, { ...audit, ...changes, ...keys }, options.webhooks);
  return {
    ...{ changes, keys, audit, rotation, tokens, nodes, roots, trust, tenancy, documents, bundles, proofs },
    ...{ pipelines, runtimes, opa, watches, transfer, webhooks },
  };
}
