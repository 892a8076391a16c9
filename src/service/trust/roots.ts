import type { PublicKey } from "../../bundle/keys.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Project } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { seesEnvironment, visibleProject } from "../access/access.js";
import { actorData, actorOf, reasonOf, type Audit } from "../audit/audit.js";
import type { Outbox } from "../changes/outbox.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Wakeups } from "../changes/wakeups.js";
import { checkRoot, givenRoot, type CheckedRoot, type GivenRoot } from "./root-check.js";
import type { KnownRoot, RootDocuments } from "./root-documents.js";
import type { EnvironmentTrust, TrustOverview } from "./trust-overview.js";

/** The input of a publication. */
export interface RootInput {
  /** JSON text. */
  readonly envelope: string;
  /** Also while something is active that runtimes refuse under it. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** At most 1,000 characters. */
  readonly reason: string | null;
}

/** A root that was published, or would be. */
export interface PublishedRoot extends KnownRoot {
  readonly project: Project;
  readonly signedBy: readonly string[];
  readonly dryRun: boolean;
  readonly warnings: readonly string[];
}

/** A publication, and the environments whose runtimes must hear of it. */
interface Outcome {
  readonly published: PublishedRoot;
  readonly environmentIds: readonly string[];
}

/** How a project stands. */
export interface ProjectTrust {
  readonly project: Project;
  /** Null without a root. */
  readonly root: PublishedRoot | null;
  readonly serverKeys: readonly PublicKey[];
  readonly environments: readonly EnvironmentTrust[];
  readonly warnings: readonly string[];
}

/** The root documents of projects. */
export class Roots {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly outbox: Outbox;
      readonly wakeups: Wakeups;
      readonly documents: RootDocuments;
      readonly overview: TrustOverview;
      readonly serverKeys: () => readonly PublicKey[];
    },
  ) {}

  /**
   * Publishes the next root of a project, and wakes its watches. The newest one again is answered and changes nothing. Throws `invalid` as
   * checkRoot, `forbidden` for a token that may not, and `conflict` (`root_stops_runtimes`) while something is active that runtimes refuse
   * under it, unless that is forced.
   */
  async publish(caller: Principal, projectId: string, input: RootInput): Promise<PublishedRoot> {
    const { store, outbox, documents, wakeups } = this.deps;
    await visibleProject(store.read, caller, projectId);
    requireWholeProject(caller);
    const given = givenRoot(input.envelope);
    const { published, environmentIds } = await retryOnConflict(() => this.#once(caller, projectId, given, input));
    documents.forget(published.project.id);
    for (const id of environmentIds) wakeups.wake(id);
    outbox.committed();
    return published;
  }

  /** Null when another root was published meanwhile. */
  async #once(caller: Principal, projectId: string, given: GivenRoot, input: RootInput): Promise<Outcome | null> {
    const { store, clock, documents, overview, serverKeys } = this.deps;
    const { read } = store;
    const project = await visibleProject(read, caller, projectId);
    const before = await documents.newest(read, project.id);
    if (before?.kept.digest === given.envelope.digest) return await this.#again(read, project, before, input.dryRun);
    if (before === null && caller.keyType !== "admin")
      throw new AppError("forbidden", "the first root of a project takes an admin token");
    const context = { orgId: project.orgId, projectId: project.id, serverKeys: serverKeys(), now: clock.now() };
    const checked = await checkRoot(given, { ...context, before: before?.root ?? null });
    const kept = keptRoot(project, given, checked, caller, clock);
    const known = { kept, root: given.root };
    const states = await overview.environments(read, known, await read.environments(project.id));
    const stopped = states.filter(({ active }) => active !== null && active.refusal !== null);
    if (stopped.length > 0 && !input.force) throw stops(stopped);
    const published = {
      ...{ ...known, project, signedBy: checked.signedBy, dryRun: input.dryRun },
      warnings: overview.warnings(known, states),
    };
    if (input.dryRun) return { published, environmentIds: [] };
    return await store.write(async (tx) => {
      await visibleProject(tx, caller, projectId);
      const now = await tx.newestTrustRoot(project.id);
      if (now?.digest !== before?.kept.digest) return null;
      await tx.insertTrustRoot(kept);
      await this.#tell(tx, caller, published, stopped, input.reason);
      return { published, environmentIds: await tx.environmentIds({ projectId: project.id }) };
    });
  }

  async #tell(
    tx: Writer,
    caller: Principal,
    { kept, root, project, signedBy }: PublishedRoot,
    stopped: readonly EnvironmentTrust[],
    reason: string | null,
  ): Promise<void> {
    const { audit, outbox } = this.deps;
    const about = {
      ...{ version: kept.version, digest: kept.digest, expires_at: kept.expiresAt, signed_by: [...signedBy] },
      ...{ rollback: root.rollback, revoked: root.revoked.length },
      stopped_environments: stopped.map(({ environment }) => environment),
    };
    await audit.record(tx, project.orgId, caller, {
      ...{ action: "trust.root_published", resourceType: "project", resourceId: project.id },
      metadata: { project_id: project.id, ...about, ...reasonOf(reason) },
    });
    await outbox.emit(tx, {
      ...{ orgId: project.orgId, environmentId: null, type: "trust.root_published" },
      data: {
        ...{ org_id: project.orgId, project_id: project.id, project: project.slug, ...about, reason },
        ...actorData(caller),
      },
    });
  }

  /** How a project stands under its newest root. Throws `not_found`. */
  async overview(caller: Principal, projectId: string): Promise<ProjectTrust> {
    const { store, documents, overview, serverKeys } = this.deps;
    const project = await visibleProject(store.read, caller, projectId);
    const known = await documents.newest(store.read, project.id);
    const environments = await store.read.environments(project.id);
    const states = await overview.environments(
      store.read,
      known,
      environments.filter((environment) => seesEnvironment(caller, environment)),
    );
    const warnings = overview.warnings(known, states);
    return {
      ...{ project, serverKeys: serverKeys(), environments: states, warnings },
      root: known === null ? null : { ...known, project, signedBy: signersOf(known), dryRun: false, warnings },
    };
  }

  /** The envelope of a version. Throws `not_found`. */
  async envelope(caller: Principal, projectId: string, version: number): Promise<string> {
    const { store, documents } = this.deps;
    const project = await visibleProject(store.read, caller, projectId);
    return found(await documents.envelope(store.read, project.id, version));
  }

  /** As envelope, of the project of a runtime token: from memory. */
  async ownEnvelope({ projectId }: Principal, version: number): Promise<string> {
    if (projectId === null) throw new AppError("forbidden", "only a runtime token has a project");
    return found(await this.deps.documents.envelope(this.deps.store.read, projectId, version));
  }

  /** The newest root, which was published before. */
  async #again(reader: Reader, project: Project, known: KnownRoot, dryRun: boolean): Promise<Outcome> {
    const { overview } = this.deps;
    const states = await overview.environments(reader, known, await reader.environments(project.id));
    const warnings = overview.warnings(known, states);
    return { published: { ...known, project, signedBy: signersOf(known), dryRun, warnings }, environmentIds: [] };
  }
}

/** Only signatures that counted are kept, under the ids of their keys. */
function signersOf({ kept }: KnownRoot): readonly string[] {
  return boundedEnvelope(kept.envelope).signatures.map(({ keyid }) => keyid);
}

function keptRoot(
  { id: projectId }: Project,
  { root, envelope }: GivenRoot,
  checked: CheckedRoot,
  caller: Principal,
  clock: Clock,
): TrustRoot {
  return {
    ...{ projectId, version: root.version, envelope: checked.envelope, digest: envelope.digest },
    expiresAt: instantOf(new Date(timeMs(root.expiresAt))),
    publishedAt: instantOf(clock.now()),
    publishedBy: actorOf(caller),
  };
}

/** A root is about all environments: a ci token that may change some of them alone may not publish one. */
function requireWholeProject({ environments }: Principal): void {
  if (environments.length > 0)
    throw new AppError("forbidden", "a root takes a token that may change all environments of the project");
}

function stops(stopped: readonly EnvironmentTrust[]): AppError {
  const shown = stopped.slice(0, 10).flatMap(({ active }) => active?.refusal?.message ?? []);
  const more = stopped.length > shown.length ? `; and ${stopped.length - shown.length} more environments` : "";
  const message = `runtimes would refuse what is active: ${shown.join("; ")}${more}`;
  return new AppError("conflict", message, { reason: "root_stops_runtimes" });
}

function found(envelope: string | null): string {
  if (envelope === null) throw notFound("root");
  return envelope;
}
