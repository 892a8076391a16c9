import { performedBy } from "../../core/actor.js";
import type {
  ActivationPeriod,
  BundleFilter,
  BundleState,
  Content,
  Deployment,
  PublishedBundle,
} from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { defined } from "../../core/defined.js";
import { AppError, notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { DeploymentFilter, Reader, Store, Writer } from "../../store/store.js";
import {
  requireChangeable,
  seesEnvironment,
  visibleEnvironment,
  visibleProject,
  type EnvironmentPath,
} from "../access/access.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { bundleEvent } from "./bundle-events.js";
import { documentOf, type BundleVerifier } from "./bundle-verifier.js";
import { activated, activateIn, checkNotHeld, checkSequence, type Activation } from "./activation.js";
import type { ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { DocumentDigests } from "../documents/kept-document.js";
import type { ActivationTrust } from "../trust/activation-trust.js";
import type { Holds } from "./holds.js";
import type { Idempotency, Remember } from "../changes/idempotency.js";
import type { Previews } from "./previews.js";
import type { Outbox } from "../changes/outbox.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Wakeups } from "../changes/wakeups.js";
import { rollbackTarget } from "./rollback-target.js";

/** A bundle with its document. */
export interface BundleWithContent {
  readonly state: BundleState;
  readonly content: Content;
}

/** The newest activation of a bundle; null when it was never active. */
interface WithPeriod {
  readonly period: ActivationPeriod | null;
}

/** A page of bundles. */
export interface ListedBundles extends Listed<BundleState> {
  /** Where to go on, as `beforeVersion`; null when no version is left. */
  readonly next: number | null;
  /** By the sequence of each that was ever active. */
  readonly periods: ReadonlyMap<number, ActivationPeriod>;
}

/** A version that was verified before the transaction which activates it. */
interface VerifiedVersion {
  readonly version: number;
  readonly bundleId: string;
  readonly digests: DocumentDigests;
}

/** The options of an activation. */
export interface ActivationOptions {
  readonly hold: boolean;
  /** Why; at most 1,000 characters. */
  readonly reason: string | null;
}

/** Activates, lists, shows, compares and deletes stored bundles. */
export class Bundles {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
      readonly verifier: BundleVerifier;
      readonly trust: ActivationTrust;
      readonly documents: Documents;
      readonly holds: Holds;
      readonly previews: Previews;
    },
  ) {}

  /**
   * Activates a stored version: the next sequence, no new version. With `hold` it stays active until it is released. Throws `conflict`
   * (`held`) if the environment is held and `hold` is not set.
   */
  async activate(
    caller: ChangeRequest,
    path: EnvironmentPath,
    version: number,
    options: ActivationOptions = { hold: false, reason: null },
  ): Promise<PublishedBundle> {
    const { store, idempotency } = this.deps;
    const asked = { path, version, ...options };
    return await idempotency.run<PublishedBundle>(caller, "activateBundle", asked, async (remember) => {
      const good = await this.#requireGood(caller.principal, path, version);
      if (caller.dryRun) {
        return await this.#preview(caller, await visibleEnvironment(store.read, caller.principal, path), good, options);
      }
      const state = await store.write(async (tx) => {
        const environment = await visibleEnvironment(tx, caller.principal, path);
        return await this.#activateIn(tx, caller, environment, good, options, remember);
      });
      return this.#done(state);
    });
  }

  /**
   * Activates an earlier version: `to`, or by rollbackTarget the one that was active before. Throws like activate and rollbackTarget.
   */
  async rollback(
    caller: ChangeRequest,
    path: EnvironmentPath,
    to: number | null,
    options: ActivationOptions,
  ): Promise<PublishedBundle> {
    const asked = { path, to, ...options };
    return await this.deps.idempotency.run<PublishedBundle>(caller, "rollbackBundle", asked, async (remember) => {
      const state = await retryOnConflict(() => this.#rollbackOnce(caller, path, to, options, remember));
      return caller.dryRun ? state : this.#done(state);
    });
  }

  /** Null if the environment changed while the target was looked for. */
  async #rollbackOnce(
    caller: ChangeRequest,
    path: EnvironmentPath,
    to: number | null,
    options: ActivationOptions,
    remember: Remember<BundleState>,
  ): Promise<PublishedBundle | null> {
    const { read } = this.deps.store;
    const seen = await visibleEnvironment(read, caller.principal, path);
    requireChangeable(caller.principal, seen.name);
    checkSequence(seen, caller.ifSequence);
    const version = to ?? (await rollbackTarget(read, seen));
    if (to === null && (await read.bundle(seen.id, version)) === null) return null;
    const good = await this.#requireGood(caller.principal, path, version);
    if (caller.dryRun) return await this.#preview(caller, seen, good, options);
    return await this.deps.store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller.principal, path);
      const isSame = environment.id === seen.id && environment.sequence === seen.sequence;
      if (to === null && (!isSame || (await tx.bundle(seen.id, version)) === null)) return null;
      return await this.#activateIn(tx, caller, environment, good, options, remember);
    });
  }

  /** The answer of a dry run: the version, and what its activation would change. Throws what the activation would. */
  async #preview(
    caller: ChangeRequest,
    environment: Environment,
    { version }: VerifiedVersion,
    { hold }: ActivationOptions,
  ): Promise<PublishedBundle> {
    const { store, trust, previews } = this.deps;
    const state = await keptBundle(store.read, environment, version);
    const clearance = await trust.clear(store.read, environment, state.bundle);
    checkSequence(environment, caller.ifSequence);
    if (!hold) checkNotHeld(environment);
    clearance.requireAllowed();
    return { ...state, change: await previews.activation(caller, environment, state.bundle) };
  }

  async #activateIn(
    tx: Writer,
    caller: ChangeRequest,
    environment: Environment,
    good: VerifiedVersion,
    { hold, reason }: ActivationOptions,
    remember: Remember<BundleState>,
  ): Promise<BundleState> {
    const { clock, audit, outbox, holds, verifier, trust } = this.deps;
    const { principal } = caller;
    const { version } = good;
    requireChangeable(principal, environment.name);
    const { bundle: kept } = await keptBundle(tx, environment, version);
    // One of another environment, that was made meanwhile under the name, is attested when it is first asked for.
    const bundle = kept.id === good.bundleId ? { ...kept, ...good.digests } : kept;
    const [, clearance] = await Promise.all([
      verifier.requireUsableKey(tx, bundle),
      trust.clear(tx, environment, bundle),
    ]);
    checkSequence(environment, caller.ifSequence);
    const why = { ...(hold ? { hold } : {}), ...reasonOf(reason) };
    const kind = (environment.activeVersion ?? 0) > version ? "rollback" : "activate";
    const at = instantOf(clock.now());
    const by = performedBy(principal);
    const held = hold ? { by: by.prefix, byName: by.name, reason, since: at } : null;
    const made: Activation = { kind, by, at, reason, hold: held };
    const { deployment, attested } = await activateIn(tx, environment, bundle, made, clearance);
    await audit.record(tx, environment.orgId, principal, {
      action: "bundle.activated",
      resourceType: "bundle",
      resourceId: bundle.id,
      metadata: {
        project_id: environment.projectId,
        environment: environment.name,
        kind,
        policy_hash: bundle.policyHash,
        media_type: bundle.mediaType,
        from_version: environment.activeVersion,
        to_version: version,
        deployment_id: deployment.id,
        sequence: deployment.sequence,
        ...attested,
        ...why,
      },
    });
    if (held !== null) await holds.recordIn(tx, principal, environment, version, held);
    const answer = activated(bundle, deployment);
    const event = await bundleEvent(tx, principal, "bundle.activated", environment, answer, { kind, ...why });
    await outbox.emit(tx, event);
    await remember(tx, answer);
    return answer;
  }

  #done(state: BundleState): BundleState {
    this.deps.wakeups.wake(state.bundle.environmentId);
    this.deps.outbox.committed();
    return state;
  }

  /** The versions of an environment that match a filter, newest first. `total` counts all of the environment, whether they match or not. */
  async list(
    caller: Principal,
    path: EnvironmentPath,
    limit: number | undefined,
    beforeVersion: number | undefined,
    filter: BundleFilter = {},
  ): Promise<ListedBundles> {
    const { read } = this.deps.store;
    const most = limit ?? 1000;
    const { id } = await visibleEnvironment(read, caller, path);
    const isSearch = Object.keys(filter).length > 0;
    const found = isSearch
      ? { ...(await read.findBundles(id, filter, most, beforeVersion)), total: await read.countBundles(id) }
      : await this.#page(id, most, beforeVersion);
    const sequences = found.rows.flatMap(({ sequence }) => sequence ?? []);
    return { ...found, periods: await read.activationPeriods(id, sequences) };
  }

  async #page(environmentId: string, limit: number, beforeVersion: number | undefined) {
    const { read } = this.deps.store;
    const listed = await read.bundles(environmentId, limit, beforeVersion);
    const last = listed.rows.at(-1)?.bundle.version ?? null;
    const hasMore = last !== null && last > 1 && (await read.hasVersionBelow(environmentId, last));
    return { ...listed, next: hasMore ? last : null };
  }

  /** Throws `not_found`. */
  async get(caller: Principal, path: EnvironmentPath, version: number): Promise<BundleWithContent & WithPeriod> {
    const { read } = this.deps.store;
    const environment = await visibleEnvironment(read, caller, path);
    const found = await this.#withContent(read, environment, version);
    const { sequence } = found.state;
    const periods = await read.activationPeriods(environment.id, sequence === null ? [] : [sequence]);
    return { ...found, period: periods.get(sequence ?? 0) ?? null };
  }

  /** The signed document of a version: the same bytes for as long as the bundle exists. */
  async document(caller: Principal, path: EnvironmentPath, version: number): Promise<string> {
    const { state, content } = await this.get(caller, path, version);
    return documentOf(state.bundle, content);
  }

  /**
   * The JSON Patch (RFC 6902) from one version's policies to another's, as JSON text. Throws `too_large` if it is too long, or takes
   * too long.
   */
  async diff(
    caller: Principal,
    path: EnvironmentPath,
    [version, other]: readonly [number, number],
    signal: AbortSignal,
  ): Promise<string> {
    const policies = async (of: number) => (await this.get(caller, path, of)).content.policies;
    const load = async () => [await policies(version), await policies(other)] as const;
    return await this.deps.documents.diff({ ...caller, signal }, load);
  }

  /** Deletes a version; its number is never used again. `reason` is why, if said. Throws `conflict` while it is active. */
  async delete(caller: Principal, path: EnvironmentPath, version: number, reason: string | null = null): Promise<void> {
    const { store, audit, outbox } = this.deps;
    await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      const state = await keptBundle(tx, environment, version);
      const { bundle, isActive } = state;
      if (isActive) throw new AppError("conflict", `version ${version} is active in "${environment.name}"`);
      await tx.deleteBundle(bundle);
      await audit.record(tx, environment.orgId, caller, {
        action: "bundle.deleted",
        resourceType: "bundle",
        resourceId: bundle.id,
        metadata: {
          project_id: environment.projectId,
          environment: environment.name,
          version,
          policy_hash: bundle.policyHash,
          media_type: bundle.mediaType,
          ...reasonOf(reason),
        },
      });
      await outbox.emit(tx, await bundleEvent(tx, caller, "bundle.deleted", environment, state, reasonOf(reason)));
    });
    outbox.committed();
  }

  /**
   * The activations of an environment, newest first; of all environments of the project that the token sees when `envName` is empty.
   * Throws `not_found`, for a version that the environment does not keep too, and `invalid`.
   */
  async deployments(
    caller: Principal,
    { projectId, envName }: EnvironmentPath,
    limit: number | undefined,
    offset: number,
    filter: DeploymentFilter = {},
  ): Promise<Listed<Deployment> & { limit: number }> {
    const { read } = this.deps.store;
    const page = { limit: limit ?? 25, offset };
    const scope = { orgId: caller.orgId, projectId };
    if (envName === "") {
      await visibleProject(read, caller, projectId);
      const own = { ...scope, ...defined({ environmentId: caller.environmentId ?? undefined }) };
      return { ...(await read.findDeployments(own, filter, page)), limit: page.limit };
    }
    const environment = await visibleEnvironment(read, caller, { projectId, envName });
    const { version, ...others } = filter;
    const kept = version === undefined ? null : await keptBundle(read, environment, version);
    const listed =
      Object.keys(others).length > 0
        ? await read.findDeployments({ ...scope, environmentId: environment.id }, filter, page)
        : kept === null
          ? await read.deployments(environment.id, page)
          : await read.deploymentsOf(kept.bundle.id, page);
    return { ...listed, limit: page.limit };
  }

  /** Throws `not_found`. */
  async deployment(caller: Principal, id: string): Promise<Deployment> {
    const { read } = this.deps.store;
    const deployment = await read.deployment(caller.orgId, id);
    const environment = deployment === null ? null : await read.environmentById(deployment.environmentId);
    if (deployment === null || environment === null || !seesEnvironment(caller, environment)) {
      throw notFound("deployment", id);
    }
    return deployment;
  }

  /** A damaged bundle is not activated: runtimes would be notified, and not get it. */
  async #requireGood(caller: Principal, path: EnvironmentPath, version: number): Promise<VerifiedVersion> {
    const { store, verifier } = this.deps;
    const environment = await visibleEnvironment(store.read, caller, path);
    requireChangeable(caller, environment.name);
    const { state, content } = await this.#withContent(store.read, environment, version);
    await verifier.requireUsableKey(store.read, state.bundle);
    const digests = await verifier.require(state.bundle, content, environment);
    return { version, bundleId: state.bundle.id, digests };
  }

  async #withContent(reader: Reader, environment: Environment, version: number): Promise<BundleWithContent> {
    const state = await keptBundle(reader, environment, version);
    const content = await reader.content(state.bundle.contentId);
    // Deleted between the two reads.
    if (content === null) throw notFound("bundle");
    return { state, content };
  }
}

async function keptBundle(
  reader: Reader,
  { id, name, lastVersion }: Environment,
  version: number,
): Promise<BundleState> {
  const state = await reader.bundle(id, version);
  if (state !== null) return state;
  const why = version > 0 && version <= lastVersion ? ": it was deleted" : "";
  throw new AppError("not_found", `version ${version} of "${name}" not found${why}`);
}
