import { formatPublishedAt } from "../../bundle/document.js";
import { signBundle, type SignedBundle } from "../../bundle/sign-bundle.js";
import type { Signer } from "../../bundle/signer.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import { performedBy } from "../../core/actor.js";
import type { Metadata } from "../../core/audit.js";
import type { Bundle, BundleState } from "../../core/bundle.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { notFound } from "../../core/error.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { activated, activateIn, checkQuota, nextVersion, type Activation } from "./activation.js";
import type { BundleVerifier } from "./bundle-verifier.js";
import { bundleEvent } from "./bundle-events.js";
import { OutdatedDraftError } from "../changes/retry-on-conflict.js";
import type { PublishObserver } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import { contentSize } from "../../bundle/policy-hash.js";
import { hashDocument, type DocumentHash } from "../documents/document-hash.js";
import type { DocumentDigests } from "../documents/kept-document.js";
import type { PolicyContent } from "../documents/policy-content.js";
import type { ActivationTrust } from "../trust/activation-trust.js";
import type { NamedContent } from "../trust/release-rules.js";
import { timeSigner } from "./timed-signer.js";
import { newRowId } from "../changes/row-id.js";
import type { Signers } from "../keys/signers.js";

/** The descriptive fields of a new bundle, and what its policies are. */
export type BundleDescription = Pick<
  Bundle,
  "publishedBy" | "title" | "description" | "labels" | "source" | "origin" | "mediaType"
>;

/** A signed bundle that is not stored yet: the transaction assigns its version. */
export interface BundleDraft {
  readonly id: string;
  readonly publishedAt: Instant;
  readonly content: PolicyContent;
  readonly signed: SignedBundle;
  /** Of its document, as soon as that has a number. */
  readonly hash: DocumentHash;
  readonly description: BundleDescription;
}

/** The source of a promotion: a bundle and the environment in which it is active. */
export interface PromotionSource {
  readonly environment: Environment;
  readonly bundle: Bundle;
}

/** The verified origin of an import. */
export interface ImportSource {
  /** The name of the trusted origin. */
  readonly name: string;
  /** The key that signed the provenance. */
  readonly keyId: string;
  readonly provenance: Provenance;
}

/** A new version as it was stored. */
interface KeptBundle {
  readonly state: BundleState;
  /** As of MadeActivation. */
  readonly attested: Metadata;
}

/** What to do with a new version, and why. */
export interface Publication {
  readonly activate: boolean;
  readonly reason: string | null;
}

/**
 * Creates bundles for every use case: signs a bundle before the transaction, and stores it in the transaction with its activation, its
 * audit event and its outbox row. `environment` must have been read in that transaction.
 */
export class BundleWriter {
  constructor(
    private readonly deps: {
      readonly clock: Clock;
      readonly store: Pick<Store, "read">;
      readonly signers: Signers;
      readonly verifier: BundleVerifier;
      readonly trust: ActivationTrust;
      readonly audit: Audit;
      readonly outbox: Outbox;
      readonly observer: PublishObserver;
    },
  ) {}

  /** Signs content with a new identity in an environment. Throws `signing_failed`. */
  async sign(environment: Environment, content: PolicyContent, description: BundleDescription): Promise<BundleDraft> {
    const id = newRowId();
    const { observer, clock, store, signers } = this.deps;
    await signers.refresh();
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
    const { policies: policiesText, scopePolicies: scopePoliciesText } = content.content;
    const hash = await hashDocument({ identity, policiesText, scopePoliciesText, ...signed });
    observer.phase("hash", performance.now() - startedMs - signer.spentMs);
    observer.phase("sign", signer.spentMs);
    return { id, publishedAt, content, signed, hash, description };
  }

  /**
   * Stores a signed bundle as the next version of an environment, and activates it if asked. Throws `quota_exceeded`, `conflict`
   * (`held`), and OutdatedDraftError if it must be signed again.
   */
  async publishIn(
    tx: Writer,
    caller: Principal,
    environment: Environment,
    draft: BundleDraft,
    { activate, reason }: Publication,
  ): Promise<BundleState> {
    const { audit, outbox } = this.deps;
    const activation = activate ? this.#activation("publish", caller, reason) : null;
    const { state: published, attested } = await this.#keep(tx, environment, draft, activation);
    const why = reasonOf(reason);
    // Concurrently: their reads wait for the database only once.
    await Promise.all([
      audit.record(tx, environment.orgId, caller, {
        action: "bundle.published",
        resourceType: "bundle",
        resourceId: published.bundle.id,
        metadata: {
          ...changeMetadata(environment, published),
          published_by: published.bundle.publishedBy,
          ...attested,
          ...why,
        },
      }),
      bundleEvent(tx, caller, "bundle.published", environment, published, why).then((event) => outbox.emit(tx, event)),
    ]);
    return published;
  }

  /** Stores and activates a bundle that was signed for the target of a promotion. Throws like publishIn. */
  async promoteIn(
    tx: Writer,
    caller: Principal,
    source: PromotionSource,
    target: Environment,
    draft: BundleDraft,
    reason: string | null,
  ): Promise<BundleState> {
    const { audit, outbox } = this.deps;
    const activation = { ...this.#activation("promote", caller, reason), source: source.bundle };
    const { state: promoted, attested } = await this.#keep(tx, target, draft, activation);
    const why = reasonOf(reason);
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
        ...attested,
        ...why,
      },
    });
    const from = { ...stages, source_version: source.bundle.version, ...why };
    await outbox.emit(tx, await bundleEvent(tx, caller, "bundle.promoted", target, promoted, from));
    return promoted;
  }

  /** Stores an imported bundle that was signed for its environment, and activates it if asked. Throws like publishIn. */
  async importIn(
    tx: Writer,
    caller: Principal,
    from: ImportSource,
    environment: Environment,
    draft: BundleDraft,
    { activate, reason }: Publication,
  ): Promise<BundleState> {
    const { audit, outbox } = this.deps;
    const { project, environment: stage, bundle } = from.provenance;
    const source = { projectId: project.id, environment: stage.name, version: bundle.version };
    const activation = activate ? { ...this.#activation("import", caller, reason), source } : null;
    const { state: imported, attested } = await this.#keep(tx, environment, draft, activation);
    const origin = { ...originMetadata(from), ...reasonOf(reason) };
    await audit.record(tx, environment.orgId, caller, {
      action: "bundle.imported",
      resourceType: "bundle",
      resourceId: imported.bundle.id,
      metadata: {
        ...changeMetadata(environment, imported),
        ...origin,
        imported_by: imported.bundle.publishedBy,
        ...attested,
      },
    });
    await outbox.emit(tx, await bundleEvent(tx, caller, "bundle.imported", environment, imported, origin));
    return imported;
  }

  #activation(kind: "publish" | "promote" | "import", caller: Principal, reason: string | null): Activation {
    return { kind, by: performedBy(caller), at: instantOf(this.deps.clock.now()), reason };
  }

  async #keep(
    tx: Writer,
    environment: Environment,
    draft: BundleDraft,
    activation: Activation | null,
  ): Promise<KeptBundle> {
    const { signers, trust, verifier } = this.deps;
    const [organization, areCurrent, clearance] = await Promise.all([
      tx.organization(environment.orgId),
      signers.areCurrent(tx),
      activation === null ? null : trust.clear(tx, environment, namedContent(draft)),
    ]);
    if (organization === null) throw notFound("organization");
    await checkQuota(tx, environment, organization);
    if (!areCurrent) throw new OutdatedDraftError();
    this.#checkDraft(organization, environment, draft);
    const bundle = draftedBundle(environment, draft);
    await tx.putContent(draft.content.content);
    await tx.insertBundle(bundle);
    // Before the commit, and again if the work is: it says nothing but that this process has signed it.
    verifier.made(bundle);
    const kept = { ...environment, lastVersion: bundle.version, lastPublishedAt: bundle.publishedAt };
    if (activation === null) {
      await tx.updateEnvironment(kept);
      return { state: { bundle, isActive: false, deploymentId: null, sequence: null }, attested: {} };
    }
    const { deployment, attested } = await activateIn(tx, kept, bundle, activation, clearance);
    return { state: activated(bundle, deployment), attested };
  }

  /** Throws OutdatedDraftError if the environment got a newer version or another key since, on whatever node. */
  #checkDraft(organization: Organization, environment: Environment, draft: BundleDraft): void {
    const last = environment.lastPublishedAt;
    if (last !== null && formatPublishedAt(draft.publishedAt) < formatPublishedAt(last)) throw new OutdatedDraftError();
    const signer = this.deps.signers.bundles(organization, environment);
    if (signer.keyId !== draft.signed.keyId) throw new OutdatedDraftError();
  }

  async #signerOf(reader: Reader, environment: Environment): Promise<Signer> {
    const organization = await reader.organization(environment.orgId);
    if (organization === null) throw notFound("organization");
    return this.deps.signers.bundles(organization, environment);
  }
}

/** What a draft makes active. */
export function namedContent({ signed, description }: BundleDraft): NamedContent {
  return { policyHash: signed.policyHash, mediaType: description.mediaType };
}

/** The bundle that a draft becomes as the next version of its environment. Throws `quota_exceeded` after the last version number. */
export function draftedBundle(environment: Environment, draft: BundleDraft): Bundle & DocumentDigests {
  const { id: environmentId, name, orgId, projectId } = environment;
  const version = nextVersion(environment);
  return {
    ...{ id: draft.id, orgId, projectId, environmentId, environment: name },
    ...{ version, contentId: draft.content.content.id, publishedAt: draft.publishedAt },
    ...draft.signed,
    ...draft.description,
    documentSha256: draft.hash.of(version),
    contentSize: contentSize(draft.content.canonical),
  };
}

/**
 * The time of publication never decreases with the version, because runtimes refuse an older bundle that is presented as a newer one:
 * after the clock was set back, a new version must not look old.
 */
function notBefore(last: Instant | null, now: Instant): Instant {
  return last !== null && last > now ? last : now;
}

/** The description of a promoted bundle: its source's, of the same kind, published by `promotedBy`. */
export function promotedDescription(source: Bundle, promotedBy: string | null): BundleDescription {
  const { title, description, labels, source: from, mediaType } = source;
  return { publishedBy: promotedBy, title, description, labels, source: from, origin: "promote", mediaType };
}

function originMetadata({ name, keyId, provenance }: ImportSource) {
  const { server, organization, project, environment, bundle, document } = provenance;
  return {
    origin: name,
    origin_key_id: keyId,
    origin_server: server.url,
    origin_org_id: organization.id,
    origin_project_id: project.id,
    origin_environment: environment.name,
    origin_version: bundle.version,
    origin_bundle_id: bundle.id,
    document_sha256: document.sha256,
  };
}

function changeMetadata(environment: Environment, { bundle, isActive, deploymentId, sequence }: BundleState) {
  return {
    project_id: environment.projectId,
    environment: environment.name,
    version: bundle.version,
    policy_hash: bundle.policyHash,
    media_type: bundle.mediaType,
    active: isActive,
    from_version: environment.activeVersion,
    to_version: isActive ? bundle.version : environment.activeVersion,
    deployment_id: deploymentId,
    sequence,
  };
}
