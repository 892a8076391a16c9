import type { BundleChange, PublishedBundle } from "../../core/bundle.js";
import { AppError, invalidField } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Pipeline, PipelineApp } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Store, Writer } from "../../store/store.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { checkQuota, requireSourceVersion } from "../bundles/activation.js";
import {
  namedContent,
  promotedDescription,
  type BundleDraft,
  type BundleWriter,
  type PromotionSource,
} from "../bundles/bundle-writer.js";
import type { BundleVerifier } from "../bundles/bundle-verifier.js";
import type { PolicySchemas } from "../bundles/policy-schemas.js";
import { isUnchangedIn, madeChange, type Previews, type Replacement } from "../bundles/previews.js";
import { ownerOf, type ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { Idempotency, Remember } from "../changes/idempotency.js";
import { OutdatedDraftError, retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Outbox } from "../changes/outbox.js";
import { pipelinePromoted, type Promoted } from "./pipeline-events.js";
import { PromotedContents } from "./promoted-contents.js";
import { participants, refuseTwice, type Participants, type PromotionRequest } from "./promotion-request.js";
import type { ReleaseRules } from "../trust/release-rules.js";
import { refusalError } from "../trust/release-verdict.js";
import type { Wakeups } from "../changes/wakeups.js";

/** What a promotion did to one target, or would do. */
export interface PromotedTarget {
  readonly targetAppId: string;
  /** Of a target that is left as it is: the active one. Empty in a dry run. */
  readonly deploymentId: string;
  /** Absent in answers that older releases stored for retries. */
  readonly change?: BundleChange;
}

/** So many targets of a dry run are compared with what they have. */
const MAX_COMPARED = 20;

/** What is made of one target: a bundle, or nothing when it has the content already and that is to be skipped. */
interface TargetPlan {
  readonly replacement: Replacement;
  readonly draft: BundleDraft | null;
  /** Of the schema of its project that the content fits; null without one. */
  readonly schemaHash: string | null;
}

/** Promotes from one app of a pipeline to many. */
export class PipelinePromotion {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly documents: Documents;
      readonly writer: BundleWriter;
      readonly verifier: BundleVerifier;
      readonly previews: Previews;
      readonly policySchemas: PolicySchemas;
      readonly releaseRules: Pick<ReleaseRules, "refusals">;
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
      const promoted = await retryOnConflict(() => this.#once(caller, request, remember));
      for (const { targetAppId } of promoted) wakeups.wake(targetAppId);
      outbox.committed();
      return promoted;
    });
  }

  /** Null when the active bundle of the source, or of a target that is to be skipped, changed while the content was signed. */
  async #once(
    caller: ChangeRequest,
    request: PromotionRequest,
    remember: Remember<readonly PromotedTarget[]>,
  ): Promise<readonly PromotedTarget[] | null> {
    const { store } = this.deps;
    const { principal } = caller;
    const seen = await participants(store.read, principal, request);
    const source = await this.#activeSource(seen.source.environment);
    if (source === null) return null;
    requireSourceVersion(source.bundle, request.sourceVersion ?? null);
    const plans = await this.#planAll(caller, source, seen.targets, request.promotedBy);
    if (plans === null) return null;
    if (caller.dryRun) return await this.#dryRun(caller, seen, plans);
    await this.#requireReleased(plans);

    return await store.write(async (tx) => {
      const now = await participants(tx, principal, request);
      if (now.source.environment.activeBundleId !== source.bundle.id) return null;
      const states = new Map<string, PublishedBundle>();
      // Always in this order, so that on a database that locks rows no two promotions wait for each other.
      for (const { environment } of [...now.targets].sort(byEnvironmentId)) {
        const plan = planOf(plans, environment);
        const state = await this.#changeIn(tx, caller, source, environment, plan, request.reason);
        // Thrown: what was made for the targets before it is undone.
        if (state === null) throw new OutdatedDraftError();
        states.set(environment.id, state);
      }
      const promoted = now.targets.flatMap((app): Promoted[] => {
        const state = states.get(app.environment.id);
        return state === undefined || state.change?.isSkipped === true ? [] : [{ app, state }];
      });
      if (promoted.length > 0) await this.#record(tx, principal, now.pipeline, source, promoted, request);
      const answer = answerOf(now.targets, states);
      await remember(tx, answer);
      return answer;
    });
  }

  /** Null when the schema of its project changed, or the active bundle of a target that is to be skipped. */
  async #changeIn(
    tx: Writer,
    caller: ChangeRequest,
    source: PromotionSource,
    environment: Environment,
    { replacement, draft, schemaHash }: TargetPlan,
    reason: string | null,
  ): Promise<PublishedBundle | null> {
    const { writer, previews } = this.deps;
    if ((await tx.policySchemaHash(environment.projectId)) !== schemaHash) return null;
    if (draft === null) return await previews.skip(tx, caller, environment, replacement);
    if (caller.skipUnchanged && environment.activeBundleId !== replacement.environment.activeBundleId) return null;
    const isUnchanged = await isUnchangedIn(tx, environment, replacement, namedContent(draft));
    const made = await writer.promoteIn(tx, caller.principal, source, environment, draft, reason);
    return { ...made, change: madeChange(isUnchanged) };
  }

  async #dryRun(
    caller: ChangeRequest,
    { targets }: Participants,
    plans: ReadonlyMap<string, TargetPlan>,
  ): Promise<readonly PromotedTarget[] | null> {
    const { store, previews } = this.deps;
    const compared = new Set(targets.slice(0, MAX_COMPARED).map(({ environment }) => environment.id));
    const states = new Map<string, PublishedBundle>();
    // In the order in which they would be changed: the first refusal is the same.
    for (const { environment } of [...targets].sort(byEnvironmentId)) {
      const { replacement, draft } = planOf(plans, environment);
      const state =
        draft === null
          ? await previews.skip(store.read, caller, environment, replacement)
          : await previews.dryRun(caller, replacement, draft, true, compared.has(environment.id));
      if (state === null) return null;
      states.set(environment.id, state);
    }
    await this.#requireReleased(plans);
    return answerOf(targets, states);
  }

  /** Names every target that does not take its content; the transaction, which asks again, would name the first. */
  async #requireReleased(plans: ReadonlyMap<string, TargetPlan>): Promise<void> {
    const { store, releaseRules } = this.deps;
    const contents = [...plans.values()].flatMap(({ replacement: { environment }, draft }) =>
      draft === null ? [] : [{ environment, ...namedContent(draft) }],
    );
    const refusals = await releaseRules.refusals(store.read, contents);
    if (refusals.length > 0) throw refusalError(refusals);
  }

  /** Null when it changed between two reads. */
  async #activeSource(environment: Environment): Promise<PromotionSource | null> {
    if (environment.activeBundleId === null) {
      throw new AppError("not_found", `nothing is active in "${environment.name}"`);
    }
    const bundle = await this.deps.store.read.bundleById(environment.activeBundleId);
    return bundle === null ? null : { environment, bundle };
  }

  /** What is made of each target, by its environment. Null when something changed between two reads. */
  async #planAll(
    caller: ChangeRequest,
    { environment, bundle }: PromotionSource,
    targets: readonly PipelineApp[],
    promotedBy: string | null,
  ): Promise<ReadonlyMap<string, TargetPlan> | null> {
    const { documents, store, writer, verifier, previews, policySchemas } = this.deps;
    const { principal, skipUnchanged } = caller;
    const kept = await store.read.content(bundle.contentId);
    if (kept === null) return null;
    await verifier.require(bundle, kept, environment);
    if (!skipUnchanged) for (const target of targets) await checkQuota(store.read, target.environment);
    const contents = new PromotedContents(documents, principal, kept, environment.name);
    const description = promotedDescription(bundle, promotedBy);
    const plans = new Map<string, TargetPlan>();
    const schemaHashes = new Map<string, string | null>();
    for (const projectId of new Set(targets.map((target) => target.environment.projectId)))
      schemaHashes.set(projectId, await policySchemas.require(ownerOf(caller), projectId, kept));
    for (const { environment: target } of targets) {
      const content = await contents.for(target.name);
      const named = { policyHash: content.canonical.policyHash, mediaType: bundle.mediaType };
      const replacement = await previews.replacement(target, named);
      if (replacement === null) return null;
      const isSkipped = skipUnchanged && replacement.isUnchanged;
      if (skipUnchanged && !isSkipped) await checkQuota(store.read, target);
      const draft = isSkipped ? null : await writer.sign(target, content, description);
      plans.set(target.id, { replacement, draft, schemaHash: schemaHashes.get(target.projectId) ?? null });
    }
    return plans;
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

/** The targets are found by the same ids before and inside of the transaction: to throw is to keep nothing should that ever fail. */
function planOf(plans: ReadonlyMap<string, TargetPlan>, { id, name }: Environment): TargetPlan {
  const plan = plans.get(id);
  if (plan === undefined) throw new Error(`no bundle was signed for ${name}`);
  return plan;
}

/** In the order asked. */
function answerOf(
  targets: readonly PipelineApp[],
  states: ReadonlyMap<string, PublishedBundle>,
): readonly PromotedTarget[] {
  return targets.flatMap(({ environment }) => {
    const state = states.get(environment.id);
    if (state === undefined) return [];
    const { deploymentId, change } = state;
    return [{ targetAppId: environment.id, deploymentId: deploymentId ?? "", ...(change && { change }) }];
  });
}

function byEnvironmentId(a: PipelineApp, b: PipelineApp): number {
  return a.environment.id < b.environment.id ? -1 : 1;
}
