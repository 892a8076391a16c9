import type { BundleState, Content, Deployment } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store } from "../../store/store.js";
import { requireChangeable, seesEnvironment, visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import { actorOf, type Audit } from "../audit/audit.js";
import { bundleEvent } from "./bundle-events.js";
import { documentOf, type BundleVerifier } from "./bundle-verifier.js";
import { activated, activateIn, checkSequence } from "./activation.js";
import type { ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { Holds } from "./holds.js";
import type { Idempotency } from "../changes/idempotency.js";
import type { Outbox } from "../changes/outbox.js";
import type { Wakeups } from "../changes/wakeups.js";

/** A bundle with its document. */
export interface BundleWithContent {
  readonly state: BundleState;
  readonly content: Content;
}

/** The options of an activation. */
export interface ActivationOptions {
  readonly hold: boolean;
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
      readonly documents: Documents;
      readonly holds: Holds;
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
    { hold, reason }: ActivationOptions = { hold: false, reason: null },
  ): Promise<BundleState> {
    const { store, clock, audit, idempotency, wakeups, outbox, holds, verifier } = this.deps;
    // Absent unless set, so that the hash of a request is the same as before holds existed.
    const asked = { path, version, ...(hold ? { hold } : {}), ...(reason === null ? {} : { reason }) };
    return await idempotency.run<BundleState>(caller, "activateBundle", asked, async (remember) => {
      await this.#requireGood(caller.principal, path, version);
      const state = await store.write(async (tx) => {
        const environment = await visibleEnvironment(tx, caller.principal, path);
        requireChangeable(caller.principal, environment.name);
        const { bundle } = await keptBundle(tx, environment.id, version);
        await verifier.requireUsableKey(tx, bundle);
        checkSequence(environment, caller.ifSequence);
        const why = { ...(hold ? { hold } : {}), ...(reason === null ? {} : { reason }) };
        const kind = (environment.activeVersion ?? 0) > version ? "rollback" : "activate";
        const at = instantOf(clock.now());
        const actor = actorOf(caller.principal);
        const held = hold ? { by: actor, reason, since: at } : null;
        const deployment = await activateIn(tx, environment, bundle, kind, actor, at, held);
        await audit.record(tx, environment.orgId, caller.principal, {
          action: "bundle.activated",
          resourceType: "bundle",
          resourceId: bundle.id,
          metadata: {
            project_id: environment.projectId,
            environment: environment.name,
            kind,
            policy_hash: bundle.policyHash,
            from_version: environment.activeVersion,
            to_version: version,
            deployment_id: deployment.id,
            sequence: deployment.sequence,
            ...why,
          },
        });
        if (held !== null) await holds.recordIn(tx, caller.principal, environment, version, held);
        const answer = activated(bundle, deployment);
        await outbox.emit(
          tx,
          await bundleEvent(tx, caller.principal, "bundle.activated", environment, answer, { kind, ...why }),
        );
        await remember(tx, answer);
        return answer;
      });
      wakeups.wake(state.bundle.environmentId);
      outbox.committed();
      return state;
    });
  }

  /** The versions of an environment, newest first. */
  async list(
    caller: Principal,
    path: EnvironmentPath,
    limit: number | undefined,
    beforeVersion: number | undefined,
  ): Promise<Listed<BundleState>> {
    const { read } = this.deps.store;
    const most = limit ?? 1000;
    const environment = await visibleEnvironment(read, caller, path);
    return await read.bundles(environment.id, most, beforeVersion);
  }

  /** Throws `not_found`. */
  async get(caller: Principal, path: EnvironmentPath, version: number): Promise<BundleWithContent> {
    const { read } = this.deps.store;
    const environment = await visibleEnvironment(read, caller, path);
    return await this.#withContent(read, environment.id, version);
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

  /** Deletes a version; its number is never used again. Throws `conflict` while it is active. */
  async delete(caller: Principal, path: EnvironmentPath, version: number): Promise<void> {
    const { store, audit, outbox } = this.deps;
    await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      const state = await keptBundle(tx, environment.id, version);
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
        },
      });
      await outbox.emit(tx, await bundleEvent(tx, caller, "bundle.deleted", environment, state));
    });
    outbox.committed();
  }

  /** The activations of an environment, newest first. */
  async deployments(
    caller: Principal,
    path: EnvironmentPath,
    limit: number | undefined,
    offset: number,
  ): Promise<Listed<Deployment> & { limit: number }> {
    const { read } = this.deps.store;
    const page = { limit: limit ?? 25, offset };
    const environment = await visibleEnvironment(read, caller, path);
    return { ...(await read.deployments(environment.id, page)), limit: page.limit };
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
  async #requireGood(caller: Principal, path: EnvironmentPath, version: number): Promise<void> {
    const { store, verifier } = this.deps;
    const environment = await visibleEnvironment(store.read, caller, path);
    requireChangeable(caller, environment.name);
    const { state, content } = await this.#withContent(store.read, environment.id, version);
    await verifier.requireUsableKey(store.read, state.bundle);
    await verifier.require(state.bundle, content, environment);
  }

  async #withContent(reader: Reader, environmentId: string, version: number): Promise<BundleWithContent> {
    const state = await keptBundle(reader, environmentId, version);
    const content = await reader.content(state.bundle.contentId);
    // Deleted between the two reads.
    if (content === null) throw notFound("bundle");
    return { state, content };
  }
}

async function keptBundle(reader: Reader, environmentId: string, version: number): Promise<BundleState> {
  const state = await reader.bundle(environmentId, version);
  if (state === null) throw notFound("bundle");
  return state;
}
