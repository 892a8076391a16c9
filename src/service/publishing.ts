import { randomUUID } from "node:crypto";
import { formatPublishedAt } from "../bundle/document.js";
import { signBundle, type SignedBundle } from "../bundle/sign-bundle.js";
import type { Signer } from "../bundle/signer.js";
import type { Bundle, BundleOrigin, BundleSource, BundleState } from "../core/bundle.js";
import { instantOf, type Clock, type Instant } from "../core/clock.js";
import { AppError } from "../core/error.js";
import type { Environment } from "../core/organization.js";
import type { Reader, Store, Writer } from "../store/store.js";
import { requireChangeable, visibleEnvironment, type EnvironmentPath } from "./access.js";
import { actorOf, type Audit } from "./audit.js";
import { activated, activateIn, checkQuota, checkSequence, nextVersion } from "./bundle-changes.js";
import type { ChangeRequest } from "./caller.js";
import { bundleEvent } from "./bundle-events.js";
import type { Documents } from "./documents.js";
import type { Idempotency } from "./idempotency.js";
import type { Outbox } from "./outbox.js";
import type { PolicyContent } from "./policy-content.js";
import { FieldErrors } from "./validate.js";
import type { Wakeups } from "./wakeups.js";

/** What a publisher hands in. Texts are JSON texts, as they were sent. */
export interface PublishInput {
  readonly policies: string | null;
  readonly scopePolicies: string | null;
  readonly publishedBy: string | null;
  readonly title: string | null;
  readonly description: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: BundleSource | null;
  readonly activate: boolean;
}

/** What a new bundle says of itself beside its content. */
type Description = Pick<Bundle, "publishedBy" | "title" | "description" | "labels" | "source" | "origin">;

/** A bundle that is signed but not yet kept: it gets its version in the transaction. */
interface Draft {
  readonly id: string;
  readonly publishedAt: Instant;
  readonly content: PolicyContent;
  readonly signed: SignedBundle;
  readonly description: Description;
}

/** A source that changes while its content is signed is read again this often before the caller is told to come back. */
const PROMOTE_TRIES = 5;

/** Publishes and promotes: the two ways in which bundles are made. */
export class Publishing {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly signer: Signer;
      readonly documents: Documents;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
    },
  ) {}

  /** Keeps a document as the next version of an environment, and makes it active unless `activate` is false. */
  async publish(caller: ChangeRequest, path: EnvironmentPath, input: PublishInput): Promise<BundleState> {
    checkDescription(input);
    const { store, documents, idempotency, wakeups, audit, outbox } = this.deps;
    const content = await documents.readPolicyContent(input.policies, input.scopePolicies);
    // The texts by their hash: hashing a request must not cost more than the document did.
    const request = { path, input: { ...input, policies: content.content.id, scopePolicies: null } };
    return await idempotency.run<BundleState>(caller, "publishBundle", request, async (remember) => {
      const seen = await this.#changeable(store.read, caller, path);
      await checkQuota(store.read, seen);
      const { publishedBy, title, description, labels, source } = input;
      const draft = await this.#sign(seen, content, {
        ...{ publishedBy, title, description, labels, source },
        origin: "publish",
      });

      const state = await store.write(async (tx) => {
        const environment = await this.#changeable(tx, caller, path);
        checkSequence(environment, caller.ifSequence);
        const published = await this.#keep(tx, environment, draft, input.activate ? "publish" : null, caller);
        await audit.record(tx, environment.orgId, actorOf(caller.principal), {
          action: "bundle.published",
          resourceType: "bundle",
          resourceId: published.bundle.id,
          metadata: { ...this.#changeMetadata(environment, published), published_by: publishedBy },
        });
        await outbox.emit(tx, await bundleEvent(tx, caller.principal, "bundle.published", environment, published));
        await remember(tx, published);
        return published;
      });
      if (state.isActive) wakeups.wake(state.bundle.environmentId);
      outbox.committed();
      return state;
    });
  }

  /** Publishes what is active in the source to the stage that it promotes to, active there. */
  async promote(caller: ChangeRequest, path: EnvironmentPath, promotedBy: string | null): Promise<BundleState> {
    const errors = new FieldErrors();
    errors.text(["promoted_by"], promotedBy, 255);
    errors.throwIfAny();
    const request = { path, promotedBy };
    return await this.deps.idempotency.run<BundleState>(caller, "promoteBundle", request, async (remember) => {
      for (let attempt = 0; attempt < PROMOTE_TRIES; attempt += 1) {
        const state = await this.#promoteOnce(caller, path, promotedBy, remember);
        if (state === null) continue;
        this.deps.wakeups.wake(state.bundle.environmentId);
        this.deps.outbox.committed();
        return state;
      }
      throw new AppError("conflict", "the source changes faster than it can be promoted; try again");
    });
  }

  /** Null when the source's active bundle changed while its content was signed. */
  async #promoteOnce(
    caller: ChangeRequest,
    path: EnvironmentPath,
    promotedBy: string | null,
    remember: (tx: Writer, answer: BundleState) => Promise<void>,
  ): Promise<BundleState | null> {
    const { store, audit, outbox } = this.deps;
    const { source, target } = await this.#stages(store.read, caller, path);
    const bundle = source.activeBundleId === null ? null : await store.read.bundleById(source.activeBundleId);
    const content = bundle === null ? null : await store.read.content(bundle.contentId);
    if (bundle === null || content === null) {
      if (source.activeBundleId !== null) return null;
      throw new AppError("not_found", `nothing is active in "${source.name}"`);
    }
    await checkQuota(store.read, target);
    const promotedContent = await this.deps.documents.promoteContent(content, source.name, target.name);
    const draft = await this.#sign(target, promotedContent, {
      publishedBy: promotedBy,
      title: bundle.title,
      description: bundle.description,
      labels: bundle.labels,
      source: bundle.source,
      origin: "promote",
    });
    return await store.write(async (tx) => {
      const now = await this.#stages(tx, caller, path);
      if (now.source.activeBundleId !== bundle.id || now.target.id !== target.id) return null;
      checkSequence(now.target, caller.ifSequence);
      const promoted = await this.#keep(tx, now.target, draft, "promote", caller);
      await audit.record(tx, target.orgId, actorOf(caller.principal), {
        action: "bundle.promoted",
        resourceType: "bundle",
        resourceId: promoted.bundle.id,
        metadata: {
          ...this.#changeMetadata(now.target, promoted),
          from_environment: source.name,
          to_environment: target.name,
          source_bundle_id: bundle.id,
          source_version: bundle.version,
          promoted_by: promotedBy,
        },
      });
      const stages = { from_environment: source.name, to_environment: target.name };
      await outbox.emit(tx, await bundleEvent(tx, caller.principal, "bundle.promoted", now.target, promoted, stages));
      await remember(tx, promoted);
      return promoted;
    });
  }

  async #changeable(reader: Reader, caller: ChangeRequest, path: EnvironmentPath): Promise<Environment> {
    const environment = await visibleEnvironment(reader, caller.principal, path);
    requireChangeable(caller.principal, environment.name);
    return environment;
  }

  async #stages(
    reader: Reader,
    caller: ChangeRequest,
    path: EnvironmentPath,
  ): Promise<{ source: Environment; target: Environment }> {
    const source = await visibleEnvironment(reader, caller.principal, path);
    if (source.promotesTo === null) {
      throw new AppError("no_target", `"${source.name}" has no next stage to promote to`);
    }
    const target = await visibleEnvironment(reader, caller.principal, { ...path, envName: source.promotesTo });
    requireChangeable(caller.principal, target.name);
    return { source, target };
  }

  async #sign(environment: Environment, content: PolicyContent, description: Description): Promise<Draft> {
    const id = randomUUID();
    const publishedAt = instantOf(this.deps.clock.now());
    const identity = {
      bundleId: id,
      orgId: environment.orgId,
      projectId: environment.projectId,
      environment: environment.name,
      publishedAt: formatPublishedAt(publishedAt),
    };
    const signed = await signBundle({ identity, content: content.canonical }, this.deps.signer);
    return { id, publishedAt, content, signed, description };
  }

  async #keep(
    tx: Writer,
    environment: Environment,
    draft: Draft,
    activation: BundleOrigin | null,
    caller: ChangeRequest,
  ): Promise<BundleState> {
    await checkQuota(tx, environment);
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
    const kept = { ...environment, lastVersion: bundle.version };
    if (activation === null) {
      await tx.updateEnvironment(kept);
      return { bundle, isActive: false, deploymentId: null, sequence: null };
    }
    const at = instantOf(this.deps.clock.now());
    return activated(bundle, await activateIn(tx, kept, bundle, activation, actorOf(caller.principal), at));
  }

  #changeMetadata(environment: Environment, { bundle, isActive, deploymentId, sequence }: BundleState) {
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
}

function checkDescription(input: PublishInput): void {
  const errors = new FieldErrors();
  errors.text(["published_by"], input.publishedBy, 255);
  errors.text(["title"], input.title, 255);
  errors.text(["description"], input.description, 10_000);
  for (const [key, value] of Object.entries(input.source ?? {})) errors.text(["source", key], String(value), 500);
  errors.labels(input.labels);
  errors.throwIfAny();
}
