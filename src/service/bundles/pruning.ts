import { nextTurn } from "../../core/schedule/in-steps.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { PruneFilter, Store, Writer } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import { actorData, type Audit } from "../audit/audit.js";
import type { Outbox } from "../changes/outbox.js";
import { checkRetention, isProduction, prunableBy, type RetentionRules } from "./retention.js";
import { VersionRanges, type VersionRange } from "./version-ranges.js";

/** The deleted versions of an environment, or those that would be. */
export interface PrunedEnvironment {
  readonly environment: string;
  readonly production: boolean;
  readonly deleted: number;
  readonly kept: number;
  readonly versions: readonly VersionRange[];
}

/** The result of one call. */
export interface PruneReport {
  readonly environments: readonly PrunedEnvironment[];
  /** Whether another call would delete more. */
  readonly more: boolean;
}

/** Versions that one transaction reads and may delete: it takes some 20 ms, and other writes run in between. */
const STEP = 100;
/** Versions that one call deletes. */
const MAX_DELETED = 5_000;

/** Deletes versions that no retention rule keeps. */
export class Pruning {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly outbox: Outbox;
    },
  ) {}

  /** The versions that `prune` would delete now. Throws like prune. */
  async plan(
    caller: Principal,
    projectId: string,
    envName: string | null,
    rules: RetentionRules,
  ): Promise<PruneReport> {
    const { read } = this.deps.store;
    const environments: PrunedEnvironment[] = [];
    for (const environment of await this.#environments(caller, projectId, envName, rules)) {
      const deleted = new VersionRanges();
      const filter = await prunableBy(read, environment, rules, this.#now());
      for (let after: number | null = filter === null ? null : 0; filter !== null && after !== null;) {
        const page = await read.prunableBundles({ ...filter, after }, STEP);
        for (const { version } of page.bundles) deleted.add(version);
        after = page.next;
        await nextTurn();
      }
      const kept = (await read.countBundles(environment.id)) - deleted.count;
      environments.push(reportOf(environment, rules, deleted, kept));
    }
    return { environments, more: false };
  }

  /**
   * Deletes at most 5,000 versions, in transactions of at most 100, each with its audit event and outbox event. Versions activated
   * meanwhile stay. Throws `not_found` for a project or environment that the caller does not see, `invalid` for invalid rules.
   */
  async prune(
    caller: Principal,
    projectId: string,
    envName: string | null,
    rules: RetentionRules,
  ): Promise<PruneReport> {
    const environments: PrunedEnvironment[] = [];
    let left = MAX_DELETED;
    for (const environment of await this.#environments(caller, projectId, envName, rules)) {
      const deleted = new VersionRanges();
      for (let after: number | null = 0; after !== null && left > 0;) {
        const step: PruneStep = await this.#step(caller, environment, rules, after, left);
        for (const version of step.versions) deleted.add(version);
        left -= step.versions.length;
        after = step.next;
        if (step.versions.length > 0) this.deps.outbox.committed();
        await nextTurn();
      }
      const kept = await this.deps.store.read.countBundles(environment.id);
      environments.push(reportOf(environment, rules, deleted, kept));
    }
    return { environments, more: left === 0 };
  }

  /** One transaction: decides by the state at its start. */
  async #step(
    caller: Principal,
    { id }: Environment,
    rules: RetentionRules,
    after: number,
    most: number,
  ): Promise<PruneStep> {
    return await this.deps.store.write(async (tx) => {
      const environment = await tx.environmentById(id);
      // Deleted meanwhile.
      if (environment === null) return { versions: [], next: null };
      const filter = await prunableBy(tx, environment, rules, this.#now());
      if (filter === null) return { versions: [], next: null };
      return await this.#deleteIn(tx, caller, environment, { ...filter, after }, Math.min(STEP, most));
    });
  }

  async #deleteIn(
    tx: Writer,
    caller: Principal,
    environment: Environment,
    filter: PruneFilter,
    most: number,
  ): Promise<PruneStep> {
    const { audit, outbox } = this.deps;
    const { bundles, next } = await tx.prunableBundles(filter, most);
    if (bundles.length === 0) return { versions: [], next };
    const deleted = new VersionRanges();
    for (const bundle of bundles) {
      await tx.deleteBundle(bundle);
      deleted.add(bundle.version);
    }
    const told = {
      project_id: environment.projectId,
      environment: environment.name,
      count: deleted.count,
      versions: deleted.toTexts(),
    };
    await audit.record(tx, environment.orgId, caller, {
      action: "bundle.pruned",
      resourceType: "environment",
      resourceId: environment.id,
      metadata: told,
    });
    await outbox.emit(tx, {
      orgId: environment.orgId,
      environmentId: environment.id,
      type: "bundle.pruned",
      data: { org_id: environment.orgId, ...told, ...actorData(caller) },
    });
    return { versions: bundles.map(({ version }) => version), next };
  }

  async #environments(
    caller: Principal,
    projectId: string,
    envName: string | null,
    rules: RetentionRules,
  ): Promise<readonly Environment[]> {
    const { read } = this.deps.store;
    await visibleProject(read, caller, projectId);
    const all = await read.environments(projectId);
    checkRetention(rules, all);
    const wanted = envName === null ? all : all.filter(({ name }) => name === envName);
    if (envName !== null && wanted.length === 0) throw notFound("environment");
    return wanted;
  }

  #now() {
    return instantOf(this.deps.clock.now());
  }
}

interface PruneStep {
  readonly versions: readonly number[];
  /** The version after which to continue; null at the end. */
  readonly next: number | null;
}

function reportOf(
  environment: Environment,
  rules: RetentionRules,
  deleted: VersionRanges,
  kept: number,
): PrunedEnvironment {
  const production = isProduction(environment, rules);
  return { environment: environment.name, production, deleted: deleted.count, kept, versions: deleted.ranges };
}
