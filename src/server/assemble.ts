import type { Clock } from "../core/clock.js";
import type { Tracing } from "../core/trace.js";
import { ActiveBundles } from "../service/runtimes/active-bundles.js";
import { ArtifactPromotions } from "../service/bundles/artifact-promotion.js";
import { Artifacts } from "../service/bundles/artifacts.js";
import { createAudit, type Audit } from "../service/audit/audit.js";
import { BundleWriter } from "../service/bundles/bundle-writer.js";
import { BundleVerifier } from "../service/bundles/bundle-verifier.js";
import { Bundles } from "../service/bundles/bundles.js";
import { CatchUp } from "../service/webhooks/catch-up.js";
import { Documents, type DocumentsOptions } from "../service/documents/documents.js";
import { Environments } from "../service/tenancy/environments.js";
import { Holds } from "../service/bundles/holds.js";
import { Idempotency } from "../service/changes/idempotency.js";
import { Instances } from "../service/runtimes/instances.js";
import type { SigningKeys } from "../service/keys/key-files.js";
import { KeyList } from "../service/keys/keys.js";
import { KeyRing } from "../service/keys/key-ring.js";
import { LatestBundles } from "../service/runtimes/latest.js";
import type { ServiceObservers, ServiceWarnings } from "../service/changes/observers.js";
import { Outbox } from "../service/changes/outbox.js";
import { Organizations } from "../service/tenancy/organizations.js";
import { PipelinePromotion } from "../service/pipelines/pipeline-promotion.js";
import { PipelineStages } from "../service/pipelines/pipeline-stages.js";
import { Pipelines } from "../service/pipelines/pipelines.js";
import { PromotedHashes } from "../service/pipelines/promoted-hashes.js";
import { Projects } from "../service/tenancy/projects.js";
import { Pruning } from "../service/bundles/pruning.js";
import { Publishing } from "../service/bundles/publishing.js";
import { Push } from "../service/runtimes/push.js";
import { Refusals } from "../service/audit/refusals.js";
import { Sessions, type SessionLimits } from "../service/access/sessions.js";
import { TenantNames } from "../service/access/tenant-names.js";
import { SharedWrites } from "../service/changes/shared-writes.js";
import { Signers } from "../service/keys/signers.js";
import { Telemetry } from "../service/runtimes/telemetry.js";
import { Tokens } from "../service/tokens/tokens.js";
import { TokenCache } from "../service/tokens/token-cache.js";
import { TokenUse } from "../service/tokens/token-use.js";
import { Wakeups } from "../service/changes/wakeups.js";
import { Watch } from "../service/runtimes/watch.js";
import { WebhookDispatcher } from "../service/webhooks/webhook-dispatcher.js";
import { WebhookOutcomes } from "../service/webhooks/webhook-outcome.js";
import { WebhookSender } from "../service/webhooks/webhook-sender.js";
import { Webhooks } from "../service/webhooks/webhooks.js";
import { YamlReader } from "../service/documents/yaml-reader.js";
import type { Store } from "../store/store.js";
import type { AllowList } from "../outbound/allow-list.js";
import { createSystemResolver } from "../outbound/resolve.js";
import type { RetrySchedule } from "../outbound/retry-schedule.js";
import { createSender } from "../outbound/send.js";

/** Of a webhook's answer. */
const MAX_KEPT_BYTES = 4096;

/** One YAML document is read at a time, beside the event loop. */
const YAML_LIMITS = { timeoutMs: 15_000, maxWaiting: 32 };

export interface AssembleOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: SigningKeys;
  readonly sessionLimits: SessionLimits;
  readonly heartbeatMs: number;
  readonly observers: ServiceObservers;
  readonly warnings: ServiceWarnings;
  readonly tracing: Tracing;
  readonly documents: DocumentsOptions;
  readonly webhooks: {
    readonly allowList: AllowList;
    readonly schedule: RetrySchedule;
    readonly timeoutMs: number;
    readonly userAgent: string;
    readonly onError: (error: unknown) => void;
  };
}

export type Services = ReturnType<typeof assembleServices>;

/** Every use case, wired: the same for a server and for an offline command. */
export function assembleServices(options: AssembleOptions) {
  const { store, clock, keys, sessionLimits, heartbeatMs, observers, warnings, tracing } = options;
  const ring = new KeyRing({ store, keys });
  const audit = createAudit({ store, clock, signer: keys.audit, ring });
  const sessions = new Sessions(clock, sessionLimits);
  const wakeups = new Wakeups();
  const idempotency = new Idempotency({ store, clock, observer: observers.idempotency });
  const use = new TokenUse(store);
  const outbox = new Outbox(clock, tracing);
  const cache = new TokenCache();
  const tokens = new Tokens({ store, clock, audit, sessions, cache, use, outbox, warnings });
  const signers = new Signers(keys);
  const documents = new Documents(options.documents);
  const verifier = new BundleVerifier({ ring, documents });
  const active = new ActiveBundles(store, wakeups, verifier, warnings);
  const promotedHashes = new PromotedHashes(documents);
  const instances = new Instances({ store, clock });
  const holds = new Holds({ store, audit, outbox });
  const making = {
    making: new BundleWriter({ clock, store, signers, verifier, audit, outbox, observer: observers.publishing }),
    ...{ store, documents, verifier, idempotency, wakeups, outbox },
  };
  return {
    audit,
    names: new TenantNames(store.read),
    sessions,
    tokenCache: cache,
    idempotency,
    use,
    tokens,
    instances,
    documents,
    clock,
    keys: new KeyList({ store, keys, ring, signers }),
    refusals: new Refusals({ store, audit, clock }),
    organizations: new Organizations({ store, clock, audit, tokens, keys }),
    projects: new Projects({ store, clock, audit, tokens, sessions, cache, wakeups, outbox }),
    environments: new Environments({ store, clock, audit, sessions, cache, wakeups, keys }),
    holds,
    bundles: new Bundles({ store, clock, audit, idempotency, wakeups, outbox, documents, holds, verifier }),
    pruning: new Pruning({ store, clock, audit, outbox }),
    publishing: new Publishing({ ...making, observer: observers.publishing }),
    pipelines: new Pipelines({ store, clock, audit, documents, promotedHashes }),
    pipelineStages: new PipelineStages({ store, clock, audit, promotedHashes }),
    pipelinePromotion: new PipelinePromotion({ ...making, audit }),
    artifacts: new Artifacts({ store, clock, audit, idempotency, documents, yaml: new YamlReader(YAML_LIMITS) }),
    artifactPromotions: new ArtifactPromotions({ ...making, clock, audit }),
    watch: new Watch({ active, tokens, sessions, wakeups, instances, clock, heartbeatMs }),
    push: new Push({
      ...{ active, tokens, sessions, wakeups, instances, clock, heartbeatMs },
      observer: observers.watch,
    }),
    active,
    latest: new LatestBundles({ active, tokens, sessions, wakeups }),
    telemetry: new Telemetry(documents),
    outbox,
    ...assembleWebhooks(options, audit, outbox, signers),
  };
}

/** What tells other systems. */
function assembleWebhooks(options: AssembleOptions, audit: Audit, outbox: Outbox, signers: Signers) {
  const { store, clock, webhooks, observers, tracing } = options;
  const { allowList, schedule, timeoutMs, userAgent, onError } = webhooks;
  const resolver = createSystemResolver();
  const connections = createSender({ allowList, resolver, timeoutMs, userAgent, maxKeptBytes: MAX_KEPT_BYTES });
  const sender = new WebhookSender({
    ...{ store, clock, allowList, resolver, signers, sender: connections },
  });
  const writes = new SharedWrites(store);
  const outcomes = new WebhookOutcomes({ writes, clock, audit, outbox, schedule, observer: observers.deliveries });
  const catchUp = new CatchUp({ store, clock, writes });
  return {
    webhooks: new Webhooks({ store, clock, audit, outbox, sender }),
    dispatcher: new WebhookDispatcher({
      ...{ store, clock, outbox, sender, outcomes, catchUp, writes, tracing, onError },
    }),
    webhookCounts: outcomes.counts,
  };
}
