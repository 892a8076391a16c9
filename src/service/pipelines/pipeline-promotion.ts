import type { BundleState } from "../../core/bundle.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Pipeline, PipelineApp } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { requireChangeable } from "../access/access.js";
import type { Audit } from "../audit/audit.js";
import { checkQuota } from "../bundles/activation.js";
import { reasonOf } from "../bundles/bundle-events.js";
import {
  promotedDescription,
  type BundleDraft,
  type BundleWriter,
  type PromotionSource,
} from "../bundles/bundle-writer.js";
import type { BundleVerifier } from "../bundles/bundle-verifier.js";
import type { ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { Idempotency, Remember } from "../changes/idempotency.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Outbox } from "../changes/outbox.js";
import { visiblePipeline } from "./pipeline-access.js";
import { pipelinePromoted, type Promoted } from "./pipeline-events.js";
import { PromotedContents } from "./promoted-contents.js";
import { FieldErrors } from "../../core/field-errors.js";
import type { Wakeups } from "../changes/wakeups.js";

/** A promotion from one app of a pipeline to others in later stages, by their UUIDs. */
export interface PromotionRequest {
  readonly pipelineId: string;
  readonly sourceAppId: string;
  readonly targetAppIds: readonly string[];
  readonly promotedBy: string | null;
  /** Why; at most 1,000 characters. */
  readonly reason: string | null;
}

/** What a promotion did to one target. */
export interface PromotedTarget {
  readonly targetAppId: string;
  readonly deploymentId: string;
}

/** The apps of a request, as the pipeline has them. */
interface Participants {
  readonly pipeline: Pipeline;
  readonly source: PipelineApp;
  /** As they were asked for. */
  readonly targets: readonly PipelineApp[];
}

/** Promotes from one app of a pipeline to many. */
export class PipelinePromotion {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly documents: Documents;
      readonly writer: BundleWriter;
      readonly verifier: BundleVerifier;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
    },
  ) {}

  /** Makes the source's active bundle a new one, active, in each target: all of them, or none. Answers in the order asked. */
  async promote(caller: ChangeRequest, request: PromotionRequest): Promise<readonly PromotedTarget[]> {
    refuseTwice(request);
    if (caller.ifSequence !== null) {
      throw invalidField(["if-match"], "names one environment, and this changes several", "unsupported", "header");
    }
    const { idempotency, wakeups, outbox } = this.deps;
    return await idempotency.run(caller, "promotePipeline", request, async (remember) => {
      const promoted = await retryOnConflict(() => this.#once(caller.principal, request, remember));
      for (const { targetAppId } of promoted) wakeups.wake(targetAppId);
      outbox.committed();
      return promoted;
    });
  }

  /** Null when the source's active bundle changed while the content was signed. */
  async #once(
    caller: Principal,
    request: PromotionRequest,
    remember: Remember<readonly PromotedTarget[]>,
  ): Promise<readonly PromotedTarget[] | null> {
    const { store, writer } = this.deps;
    const seen = await participants(store.read, caller, request);
    const source = await this.#activeSource(seen.source.environment);
    if (source === null) return null;
    const drafts = await this.#signAll(caller, source, seen.targets, request.promotedBy);
    if (drafts === null) return null;

    return await store.write(async (tx) => {
      const now = await participants(tx, caller, request);
      if (now.source.environment.activeBundleId !== source.bundle.id) return null;
      const states = new Map<string, Promoted>();
      // Always in this order, so that on a database that locks rows no two promotions wait for each other.
      for (const app of [...now.targets].sort(byEnvironmentId)) {
        const { environment } = app;
        const draft = draftOf(drafts, environment);
        const state = await writer.promoteIn(tx, caller, source, environment, draft, request.reason);
        states.set(environment.id, { app, state });
      }
      const promoted = now.targets.flatMap(({ environment }) => states.get(environment.id) ?? []);
      await this.#record(tx, caller, now.pipeline, source, promoted, request);
      const answer = promoted.map(({ state }) => answerOf(state));
      await remember(tx, answer);
      return answer;
    });
  }

  /** Null when it changed between two reads. */
  async #activeSource(environment: Environment): Promise<PromotionSource | null> {
    if (environment.activeBundleId === null) {
      throw new AppError("not_found", `nothing is active in "${environment.name}"`);
    }
    const bundle = await this.deps.store.read.bundleById(environment.activeBundleId);
    return bundle === null ? null : { environment, bundle };
  }

  /** A signed bundle for each target, by its environment. */
  async #signAll(
    caller: Principal,
    { environment, bundle }: PromotionSource,
    targets: readonly PipelineApp[],
    promotedBy: string | null,
  ): Promise<ReadonlyMap<string, BundleDraft> | null> {
    const { documents, store, writer, verifier } = this.deps;
    const kept = await store.read.content(bundle.contentId);
    if (kept === null) return null;
    await verifier.require(bundle, kept, environment);
    for (const target of targets) await checkQuota(store.read, target.environment);
    const contents = new PromotedContents(documents, caller, kept, environment.name);
    const description = promotedDescription(bundle, promotedBy);
    const drafts = new Map<string, BundleDraft>();
    for (const { environment: target } of targets) {
      drafts.set(target.id, await writer.sign(target, await contents.for(target.name), description));
    }
    return drafts;
  }

  async #record(
    tx: Writer,
    caller: Principal,
    pipeline: Pipeline,
    source: PromotionSource,
    promoted: readonly Promoted[],
    { promotedBy, reason }: PromotionRequest,
  ): Promise<void> {
    const { audit, outbox } = this.deps;
    await audit.record(tx, pipeline.orgId, caller, {
      action: "pipeline.promoted",
      resourceType: "pipeline",
      resourceId: pipeline.id,
      metadata: {
        source_app_id: source.environment.id,
        source_bundle_id: source.bundle.id,
        source_version: source.bundle.version,
        target_app_ids: promoted.map(({ app }) => app.environment.id),
        deployment_ids: promoted.map(({ state }) => state.deploymentId ?? ""),
        promoted_by: promotedBy,
        project_id: pipeline.projectId,
        ...reasonOf(reason),
      },
    });
    await outbox.emit(tx, pipelinePromoted(caller, pipeline, source, promoted, { promotedBy, reason }));
  }
}

/** Throws `invalid` for a target that is named twice or is the source. */
function refuseTwice({ sourceAppId, targetAppIds }: PromotionRequest): void {
  const errors = new FieldErrors();
  const named = new Set<string>();
  for (const [index, id] of targetAppIds.entries()) {
    const loc = ["body", "target_app_ids", String(index)];
    if (named.has(id)) errors.add(loc, "is there twice", "duplicate");
    else if (id === sourceAppId) errors.add(loc, "is the source", "source");
    named.add(id);
  }
  errors.throwIfAny();
}

/** Throws `not_found`, `invalid` or `forbidden`, in this order. */
async function participants(reader: Reader, caller: Principal, request: PromotionRequest): Promise<Participants> {
  const { pipeline, stages, apps } = await visiblePipeline(reader, caller, request.pipelineId);
  const byId = new Map(apps.map((app) => [app.environment.id, app]));
  const orders = new Map(stages.map(({ id, order }) => [id, order]));
  const orderOf = (app: PipelineApp) => orders.get(app.stageId) ?? 0;
  const errors = new FieldErrors();
  const source = byId.get(request.sourceAppId);
  if (source === undefined) errors.add(["body", "source_app_id"], "is not an app of this pipeline", "unknown");
  const targets = request.targetAppIds.flatMap((id, index) => {
    const loc = ["body", "target_app_ids", String(index)];
    const target = byId.get(id);
    if (target === undefined) errors.add(loc, "is not an app of this pipeline", "unknown");
    else if (source !== undefined && orderOf(target) <= orderOf(source)) {
      errors.add(loc, "is not in a later stage than the source", "stage");
    }
    return target ?? [];
  });
  errors.throwIfAny();
  // Told above.
  if (source === undefined) throw notFound("app");
  for (const { environment } of targets) requireChangeable(caller, environment.name);
  return { pipeline, source, targets };
}

/** The targets are found by the same ids before and inside of the transaction: to throw is to keep nothing should that ever fail. */
function draftOf(drafts: ReadonlyMap<string, BundleDraft>, { id, name }: Environment): BundleDraft {
  const draft = drafts.get(id);
  if (draft === undefined) throw new Error(`no bundle was signed for ${name}`);
  return draft;
}

function answerOf({ bundle, deploymentId }: BundleState): PromotedTarget {
  return { targetAppId: bundle.environmentId, deploymentId: deploymentId ?? "" };
}

function byEnvironmentId(a: PipelineApp, b: PipelineApp): number {
  return a.environment.id < b.environment.id ? -1 : 1;
}
