import { formatPublishedAt } from "../../bundle/document.js";
import { signBundle, type SignedBundle } from "../../bundle/sign-bundle.js";
import type { Signer } from "../../bundle/signer.js";
import type { Bundle, BundleOrigin, BundleState } from "../../core/bundle.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { actorOf, type Audit } from "../audit/audit.js";
import { activated, activateIn, checkQuota, nextVersion } from "./bundle-changes.js";
import type { BundleVerifier } from "./bundle-verifier.js";
import { bundleEvent } from "./bundle-events.js";
import { OutdatedDraftError } from "../changes/retry-on-conflict.js";
import type { PublishObserver } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import type { PolicyContent } from "../documents/policy-content.js";
import { timeSigner } from "./publish-phases.js";
import { newRowId } from "../changes/row-id.js";
import type { Signers } from "../keys/signers.js";

/** What a new bundle says of itself beside its content. */
export type BundleDescription = Pick<Bundle, "publishedBy" | "title" | "description" | "labels" | "source" | "origin">;

/** A bundle that is signed but not yet kept: it gets its version in the transaction. */
export interface BundleDraft {
  readonly id: string;
  readonly publishedAt: Instant;
  readonly content: PolicyContent;
  readonly signed: SignedBundle;
  readonly description: BundleDescription;
}

/** What is promoted: a bundle, and the environment that it is active in. */
export interface PromotionSource {
  readonly environment: Environment;
  readonly bundle: Bundle;
}

/**
 * Makes bundles, for every use case that does: signs one before the transaction, and keeps it inside of the transaction together with its
 * activation, its audit event and its outbox row. `environment` is always as the transaction reads it.
 */
export class BundleWriter {
  constructor(
    private readonly deps: {
      readonly clock: Clock;
      readonly store: Pick<Store, "read">;
      readonly signers: Signers;
      readonly verifier: BundleVerifier;
      readonly audit: Audit;
      readonly outbox: Outbox;
      readonly observer: PublishObserver;
    },
  ) {}

  /** Signs a content for the identity that it gets in an environment. Throws `signing_failed`. */
  async sign(environment: Environment, content: PolicyContent, description: BundleDescription): Promise<BundleDraft> {
    const id = newRowId();
    const { observer, clock, store } = this.deps;
    const publishedAt = notBefore(environment.lastPublishedAt, instantOf(clock.now()));
    const identity = {
      bundleId: id,
      orgId: environment.orgId,
      projectId: environment.projectId,
      environment: environment.name,
      publishedAt: formatPublishedAt(publishedAt),
    };
    const startedMs = performance.now();
    const signer = timeSigner(await this.#signerOf(store.read, environment));
    const signed = await signBundle({ identity, content: content.canonical }, signer);
    observer.phase("hash", performance.now() - startedMs - signer.spentMs);
    observer.phase("sign", signer.spentMs);
    return { id, publishedAt, content, signed, description };
  }

  /**
   * Keeps a signed bundle as the next version of an environment, and makes it active when asked to. Throws `quota_exceeded`, and
   * OutdatedDraftError when it has to be signed anew.
   */
  async publishIn(
    tx: Writer,
    caller: Principal,
    environment: Environment,
    draft: BundleDraft,
    activate: boolean,
  ): Promise<BundleState> {
    const { audit, outbox } = this.deps;
    const published = await this.#keep(tx, caller, environment, draft, activate ? "publish" : null);
    // Together: what each looks up first is one wait for the database.
    await Promise.all([
      audit.record(tx, environment.orgId, caller, {
        action: "bundle.published",
        resourceType: "bundle",
        resourceId: published.bundle.id,
        metadata: { ...changeMetadata(environment, published), published_by: published.bundle.publishedBy },
      }),
      bundleEvent(tx, caller, "bundle.published", environment, published).then((event) => outbox.emit(tx, event)),
    ]);
    return published;
  }

  /** Keeps a bundle that was signed for the target of a promotion, active there. Throws as publishIn. */
  async promoteIn(
    tx: Writer,
    caller: Principal,
    source: PromotionSource,
    target: Environment,
    draft: BundleDraft,
  ): Promise<BundleState> {
    const { audit, outbox } = this.deps;
    const promoted = await this.#keep(tx, caller, target, draft, "promote");
    const stages = { from_environment: source.environment.name, to_environment: target.name };
    await audit.record(tx, target.orgId, caller, {
      action: "bundle.promoted",
      resourceType: "bundle",
      resourceId: promoted.bundle.id,
      metadata: {
        ...changeMetadata(target, promoted),
        ...stages,
        source_bundle_id: source.bundle.id,
        source_version: source.bundle.version,
        promoted_by: promoted.bundle.publishedBy,
      },
    });
    await outbox.emit(tx, await bundleEvent(tx, caller, "bundle.promoted", target, promoted, stages));
    return promoted;
  }

  async #keep(
    tx: Writer,
    caller: Principal,
    environment: Environment,
    draft: BundleDraft,
    activation: BundleOrigin | null,
  ): Promise<BundleState> {
    await checkQuota(tx, environment);
    await this.#checkDraft(tx, environment, draft);
    const { id: environmentId, name, orgId, projectId } = environment;
    const bundle: Bundle = {
      id: draft.id,
      orgId,
      projectId,
      environmentId,
      environment: name,
      version: nextVersion(environment),
      contentId: draft.content.content.id,
      publishedAt: draft.publishedAt,
      ...draft.signed,
      ...draft.description,
    };
    await tx.putContent(draft.content.content);
    await tx.insertBundle(bundle);
    this.deps.verifier.made(bundle);
    const kept = { ...environment, lastVersion: bundle.version, lastPublishedAt: bundle.publishedAt };
    if (activation === null) {
      await tx.updateEnvironment(kept);
      return { bundle, isActive: false, deploymentId: null, sequence: null };
    }
    const at = instantOf(this.deps.clock.now());
    return activated(bundle, await activateIn(tx, kept, bundle, activation, actorOf(caller), at));
  }

  /** The environment may have got a newer version, or another key, since. */
  async #checkDraft(tx: Writer, environment: Environment, draft: BundleDraft): Promise<void> {
    const last = environment.lastPublishedAt;
    if (last !== null && formatPublishedAt(draft.publishedAt) < formatPublishedAt(last)) throw new OutdatedDraftError();
    const signer = await this.#signerOf(tx, environment);
    if (signer.keyId !== draft.signed.keyId) throw new OutdatedDraftError();
  }

  async #signerOf(reader: Reader, environment: Environment): Promise<Signer> {
    const organization = await reader.organization(environment.orgId);
    if (organization === null) throw notFound("organization");
    return this.deps.signers.bundles(organization, environment);
  }
}

/**
 * Versions are published in the order of their numbers: a runtime that holds one refuses an older one that is passed off as a newer
 * one. So a clock that was set back does not make a new version look old.
 */
function notBefore(last: Instant | null, now: Instant): Instant {
  return last !== null && last > now ? last : now;
}

/** What a promoted bundle says of itself: what its source says, and who promoted it. */
export function promotedDescription(source: Bundle, promotedBy: string | null): BundleDescription {
  const { title, description, labels, source: from } = source;
  return { publishedBy: promotedBy, title, description, labels, source: from, origin: "promote" };
}

function changeMetadata(environment: Environment, { bundle, isActive, deploymentId, sequence }: BundleState) {
  return {
    project_id: environment.projectId,
    environment: environment.name,
    version: bundle.version,
    policy_hash: bundle.policyHash,
    active: isActive,
    from_version: environment.activeVersion,
    to_version: isActive ? bundle.version : environment.activeVersion,
    deployment_id: deploymentId,
    sequence,
  };
}
