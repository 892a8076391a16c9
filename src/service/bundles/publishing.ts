import { JSON_POLICIES, type BundleSource, type MediaType, type PublishedBundle } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { requireChangeable, visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import { checkQuota, checkSequence, requireSourceVersion } from "./activation.js";
import { promotedDescription, type BundleWriter } from "./bundle-writer.js";
import type { BundleVerifier } from "./bundle-verifier.js";
import { ownerOf, type ChangeRequest } from "../access/caller.js";
import type { PolicySchemas } from "./policy-schemas.js";
import { isUnchangedIn, madeChange, type Previews, type Replacement } from "./previews.js";
import type { Documents } from "../documents/documents.js";
import type { Idempotency, Remember } from "../changes/idempotency.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { PublishObserver } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import type { PolicyContent } from "../documents/policy-content.js";
import type { NamedContent, ReleaseRules } from "../trust/release-rules.js";
import { requireReleased, type GivenRelease, type Releases } from "../trust/releases.js";
import type { Wakeups } from "../changes/wakeups.js";

/** The input of a publication. Documents are JSON texts as sent. */
export interface PublishInput {
  readonly policies: string;
  readonly scopePolicies: string | null;
  readonly publishedBy: string | null;
  readonly title: string | null;
  readonly description: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: BundleSource | null;
  readonly activate: boolean;
  /** Why it is published; at most 1,000 characters. */
  readonly reason: string | null;
  /** The envelope of its release, JSON text; null without one. */
  readonly release: string | null;
  /** What the policies are. */
  readonly mediaType: MediaType;
}

/** What a promotion is told besides its source. */
export interface PromotionOptions {
  /** The person or program, as the caller says. */
  readonly promotedBy: string | null;
  /** Why; at most 1,000 characters. */
  readonly reason: string | null;
  /** The version that must be active in the source; absent for any. */
  readonly sourceVersion?: number;
}

/** Publishes documents, and promotes bundles to the next stage. */
export class Publishing {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly documents: Documents;
      readonly writer: BundleWriter;
      readonly verifier: BundleVerifier;
      readonly previews: Previews;
      readonly policySchemas: PolicySchemas;
      readonly releases: Releases;
      readonly releaseRules: Pick<ReleaseRules, "authorize">;
      readonly idempotency: Idempotency;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
      readonly observer: PublishObserver;
    },
  ) {}

  /** Signs and stores a document as the next version of an environment, and activates it unless `activate` is false. */
  async publish(caller: ChangeRequest, path: EnvironmentPath, input: PublishInput): Promise<PublishedBundle> {
    const { documents, idempotency, wakeups, outbox, observer } = this.deps;
    const startedMs = performance.now();
    const content = await documents.readPolicyContent(
      caller.principal,
      input.policies,
      input.scopePolicies,
      input.mediaType,
    );
    observer.phase("parse", performance.now() - startedMs);
    // The texts by their hash: hashing the request must not cost more than reading the document.
    // JSON is not named, so that retries of requests from before there were kinds are still known.
    const mediaType = input.mediaType === JSON_POLICIES ? undefined : input.mediaType;
    const request = { path, input: { ...input, policies: content.content.id, scopePolicies: null, mediaType } };
    return await idempotency.run<PublishedBundle>(caller, "publishBundle", request, async (remember) => {
      const state = await retryOnConflict(() => this.#publishOnce(caller, path, input, content, remember));
      if (state.isActive) wakeups.wake(state.bundle.environmentId);
      outbox.committed();
      return state;
    });
  }

  /** Null if the active bundle or the project's schema changed while the content was compared with it. */
  async #publishOnce(
    caller: ChangeRequest,
    path: EnvironmentPath,
    input: PublishInput,
    content: PolicyContent,
    remember: Remember<PublishedBundle>,
  ): Promise<PublishedBundle | null> {
    const { store, writer, previews, policySchemas, observer } = this.deps;
    const { principal } = caller;
    const seen = await this.#changeable(store.read, caller, path);
    const named = { policyHash: content.canonical.policyHash, mediaType: input.mediaType };
    const release = await this.#given(caller, seen, named, input.release);
    const schemaHash = await policySchemas.require(ownerOf(caller), seen.projectId, content.content);
    const replacement = await previews.replacement(seen, named);
    if (replacement === null) return null;
    if (caller.skipUnchanged && replacement.isUnchanged) {
      return await this.#skip(
        caller,
        replacement,
        (reader) => this.#changeable(reader, caller, path),
        remember,
        release,
      );
    }
    await checkQuota(store.read, seen);
    const { publishedBy, title, description, labels, source, mediaType } = input;
    const draft = await writer.sign(seen, content, {
      ...{ publishedBy, title, description, labels, source, mediaType },
      origin: "publish",
    });
    if (caller.dryRun) {
      const preview = await previews.dryRun(caller, replacement, draft, input.activate);
      if (input.activate) await this.#authorize(seen, named, release);
      return preview;
    }

    const committingMs = performance.now();
    const state = await store.write(async (tx) => {
      const [environment, demanded] = await Promise.all([
        this.#changeable(tx, caller, path),
        tx.policySchemaHash(path.projectId),
      ]);
      if (demanded !== schemaHash) return null;
      checkSequence(environment, caller.ifSequence);
      if (caller.skipUnchanged && environment.activeBundleId !== seen.activeBundleId) return null;
      if (!(await this.#keep(tx, caller, release))) return null;
      const [isUnchanged, made] = await Promise.all([
        isUnchangedIn(tx, environment, replacement, named),
        writer.publishIn(tx, principal, environment, draft, input),
      ]);
      const published = { ...made, change: madeChange(isUnchanged) };
      await remember(tx, published);
      return published;
    });
    observer.phase("commit", performance.now() - committingMs);
    return state;
  }

  /** Publishes the active bundle of an environment to its next stage, and activates it there. */
  async promote(caller: ChangeRequest, path: EnvironmentPath, options: PromotionOptions): Promise<PublishedBundle> {
    const request = { path, ...options };
    return await this.deps.idempotency.run<PublishedBundle>(caller, "promoteBundle", request, async (remember) => {
      const state = await retryOnConflict(() => this.#promoteOnce(caller, path, options, remember));
      this.deps.wakeups.wake(state.bundle.environmentId);
      this.deps.outbox.committed();
      return state;
    });
  }

  /** Null if the active bundle of the source or the target, or the project's schema, changed while its content was made. */
  async #promoteOnce(
    caller: ChangeRequest,
    path: EnvironmentPath,
    { promotedBy, reason, sourceVersion }: PromotionOptions,
    remember: Remember<PublishedBundle>,
  ): Promise<PublishedBundle | null> {
    const { store, documents, writer, verifier, previews, policySchemas, observer } = this.deps;
    const { source, target } = await this.#stages(store.read, caller, path);
    const bundle = source.activeBundleId === null ? null : await store.read.bundleById(source.activeBundleId);
    const kept = bundle === null ? null : await store.read.content(bundle.contentId);
    if (bundle === null || kept === null) {
      if (source.activeBundleId !== null) return null;
      throw new AppError("not_found", `nothing is active in "${source.name}"`);
    }
    requireSourceVersion(bundle, sourceVersion ?? null);
    if (!caller.skipUnchanged) await checkQuota(store.read, target);
    const startedMs = performance.now();
    await verifier.require(bundle, kept, source);
    const content = await documents.promoteContent(caller.principal, kept, source.name, target.name);
    observer.phase("parse", performance.now() - startedMs);
    const schemaHash = await policySchemas.require(ownerOf(caller), target.projectId, content.content);
    const named = { policyHash: content.canonical.policyHash, mediaType: bundle.mediaType };
    const replacement = await previews.replacement(target, named);
    if (replacement === null) return null;
    if (caller.skipUnchanged && replacement.isUnchanged) {
      const again = async (reader: Reader) => {
        const now = await this.#stages(reader, caller, path);
        return now.source.activeBundleId === bundle.id && now.target.id === target.id ? now.target : null;
      };
      return await this.#skip(caller, replacement, again, remember);
    }
    if (caller.skipUnchanged) await checkQuota(store.read, target);
    const draft = await writer.sign(target, content, promotedDescription(bundle, promotedBy));
    if (caller.dryRun) {
      const preview = await previews.dryRun(caller, replacement, draft, true);
      await this.#authorize(target, named, null);
      return preview;
    }
    const committingMs = performance.now();
    const state = await store.write(async (tx) => {
      const [now, demanded] = await Promise.all([this.#stages(tx, caller, path), tx.policySchemaHash(path.projectId)]);
      if (demanded !== schemaHash) return null;
      if (now.source.activeBundleId !== bundle.id || now.target.id !== target.id) return null;
      checkSequence(now.target, caller.ifSequence);
      if (caller.skipUnchanged && now.target.activeBundleId !== target.activeBundleId) return null;
      const from = { environment: source, bundle };
      const [isUnchanged, made] = await Promise.all([
        isUnchangedIn(tx, now.target, replacement, named),
        writer.promoteIn(tx, caller.principal, from, now.target, draft, reason),
      ]);
      const promoted = { ...made, change: madeChange(isUnchanged) };
      await remember(tx, promoted);
      return promoted;
    });
    observer.phase("commit", performance.now() - committingMs);
    return state;
  }

  /**
   * Answers the active bundle, which has the content already. `find` reads the environment again, in the transaction that keeps the
   * answer for retries; null for one that is another now.
   */
  async #skip(
    caller: ChangeRequest,
    replacement: Replacement,
    find: (reader: Reader) => Promise<Environment | null>,
    remember: Remember<PublishedBundle>,
    release: GivenRelease | null = null,
  ): Promise<PublishedBundle | null> {
    const { store, previews } = this.deps;
    const answerIn = async (reader: Reader) => {
      const environment = await find(reader);
      return environment === null ? null : await previews.skip(reader, caller, environment, replacement);
    };
    if (caller.dryRun) return await answerIn(store.read);
    return await store.write(async (tx) => {
      const answer = await answerIn(tx);
      if (answer === null || !(await this.#keep(tx, caller, release))) return null;
      await remember(tx, answer);
      return answer;
    });
  }

  /** The release of a request, if it has one. Throws as Releases.given, and `invalid` when it is not one of this content. */
  async #given(
    { principal }: ChangeRequest,
    environment: Environment,
    content: NamedContent,
    release: string | null,
  ): Promise<GivenRelease | null> {
    if (release === null) return null;
    const project = { id: environment.projectId, orgId: environment.orgId };
    const given = await this.deps.releases.given(principal, project, release, "release");
    requireReleased(given, environment.name, content, "release");
    return given;
  }

  /** Keeps the release that was brought, if any. False when it was verified under another root than the newest one. */
  async #keep(tx: Writer, { principal }: ChangeRequest, release: GivenRelease | null): Promise<boolean> {
    return release === null || (await this.deps.releases.keepIn(tx, principal, release, "release")) !== null;
  }

  /** For a dry run: the change asks in its transaction. */
  async #authorize(environment: Environment, content: NamedContent, brought: GivenRelease | null) {
    const { store, releaseRules } = this.deps;
    await releaseRules.authorize(store.read, environment, content, brought);
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
}
