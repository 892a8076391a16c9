import type { Metadata } from "../../core/audit.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField } from "../../core/error.js";
import {
  ENVIRONMENT_SETTINGS,
  standardNextStage,
  type Environment,
  type EnvironmentChange,
} from "../../core/organization.js";
import { snakeCase } from "../../core/snake-case.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Store, Writer } from "../../store/store.js";
import { seesEnvironment, visibleEnvironment, visibleProject, type EnvironmentPath } from "../access/access.js";
import type { Audit } from "../audit/audit.js";
import type { SigningKeys } from "../keys/key-files.js";
import { keepEnvironmentKey, writeWithKeys } from "../keys/key-records.js";
import {
  countDisconnected,
  deletionMetadata,
  PLAIN_DELETION,
  protection,
  type DeletionOptions,
} from "./deletion-guard.js";
import { newEnvironment } from "./projects.js";
import { restoredLinks } from "./former-links.js";
import type { Sessions } from "../access/sessions.js";
import type { TokenCache } from "../tokens/token-cache.js";
import type { Wakeups } from "../changes/wakeups.js";

const MAX_ENVIRONMENTS = 1000;

/** Makes, changes and deletes environments. */
export class Environments {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly sessions: Sessions;
      readonly cache: TokenCache;
      readonly wakeups: Wakeups;
      readonly keys: SigningKeys;
    },
  ) {}

  /**
   * `promotesTo` undefined is the standard next stage, which may be made later; null is none. Versions and sequences continue above those
   * of the environment that had this name before; `restoreLinks` links it as that one was (restoredLinks).
   */
  async create(
    caller: Principal,
    projectId: string,
    {
      name,
      restoreLinks = false,
      ...input
    }: { readonly name: string; readonly restoreLinks?: boolean } & EnvironmentChange,
  ): Promise<Environment> {
    const { store, clock, audit, keys } = this.deps;
    return await writeWithKeys(store, keys, async (tx) => {
      const project = await visibleProject(tx, caller, projectId);
      const siblings = await tx.environments(projectId);
      if (siblings.some((sibling) => sibling.name === name)) {
        throw new AppError("conflict", `the project has an environment "${name}" already`);
      }
      if (siblings.length >= MAX_ENVIRONMENTS) {
        throw new AppError("quota_exceeded", `a project has at most ${MAX_ENVIRONMENTS} environments`);
      }
      const former = await tx.formerEnvironment(projectId, name);
      const links = restoreLinks ? restoredLinks(former, name, siblings) : { next: standardNextStage(name), from: [] };
      const promotesTo = input.promotesTo === undefined ? links.next : input.promotesTo;
      if (input.promotesTo !== undefined) checkKnown(siblings, name, promotesTo);
      const linked = siblings.map((sibling) =>
        links.from.includes(sibling.name) ? { ...sibling, promotesTo: name } : sibling,
      );
      checkNoCycle(linked, name, promotesTo);
      const position = input.position ?? 1 + Math.max(-1, ...siblings.map((sibling) => sibling.position));
      const createdAt = instantOf(clock.now());
      const environment = {
        ...newEnvironment(project, name, { ...input, position, promotesTo }, createdAt),
        ...{ lastVersion: former?.lastVersion ?? 0, lastPublishedAt: former?.lastPublishedAt ?? null },
        sequence: former?.sequence ?? 0,
      };
      await tx.insertEnvironment(environment);
      if (environment.signingKey === "environment") await keepEnvironmentKey(tx, keys, environment, createdAt);
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.created",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: {
          ...settingsMetadata(environment),
          after_version: environment.lastVersion,
          after_sequence: environment.sequence,
        },
      });
      for (const sibling of linked.filter((sibling) => links.from.includes(sibling.name))) {
        await this.#link(tx, caller, sibling);
      }
      return environment;
    });
  }

  /** Stores the restored next stage of a sibling. */
  async #link(tx: Writer, caller: Principal, environment: Environment): Promise<void> {
    await tx.updateEnvironment(environment);
    await this.deps.audit.record(tx, caller.orgId, caller, {
      action: "environment.updated",
      resourceType: "environment",
      resourceId: environment.id,
      metadata: settingsMetadata(environment),
    });
  }

  async list(
    caller: Principal,
    projectId: string,
    limit: number | undefined,
    offset: number,
  ): Promise<Listed<Environment>> {
    const { read } = this.deps.store;
    const page = { limit: limit ?? 1000, offset };
    await visibleProject(read, caller, projectId);
    const seen = (await read.environments(projectId)).filter((environment) => seesEnvironment(caller, environment));
    return { rows: seen.slice(page.offset, page.offset + page.limit), total: seen.length };
  }

  async get(caller: Principal, path: EnvironmentPath): Promise<Environment> {
    return await visibleEnvironment(this.deps.store.read, caller, path);
  }

  /** Changes the settings that are given; `promotesTo` null makes it a last stage. */
  async update(caller: Principal, path: EnvironmentPath, change: EnvironmentChange): Promise<Environment> {
    const { store, audit, clock, keys } = this.deps;
    return await writeWithKeys(store, keys, async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      if (change.promotesTo !== undefined) {
        const siblings = await tx.environments(path.projectId);
        checkKnown(siblings, environment.name, change.promotesTo);
        checkNoCycle(siblings, environment.name, change.promotesTo);
      }
      const updated: Environment = { ...environment, ...change };
      if (updated.signingKey === "environment" && environment.signingKey !== "environment") {
        await keepEnvironmentKey(tx, keys, updated, instantOf(clock.now()));
      }
      await tx.updateEnvironment(updated);
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.updated",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: settingsMetadata(updated),
      });
      return updated;
    });
  }

  /**
   * Its bundles and tokens go with it; its newest numbers stay for the next environment of that name. Throws `conflict`: `protected` for a
   * protected one, `runtimes_live` as countDisconnected.
   */
  async delete(caller: Principal, path: EnvironmentPath, options: DeletionOptions = PLAIN_DELETION): Promise<void> {
    const { store, clock, audit, sessions, cache, wakeups } = this.deps;
    const deleted = await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      const { id, name, lastVersion, sequence, activeVersion } = environment;
      if (environment.protected) throw new AppError("conflict", `this is ${protection(name)}`, { reason: "protected" });
      const target = {
        scope: { environmentId: id },
        environmentIds: new Set([id]),
        what: `the environment "${name}"`,
      };
      const live = await countDisconnected(tx, { sessions, clock }, target, options);
      await tx.deleteEnvironment(id, instantOf(clock.now()));
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.deleted",
        resourceType: "environment",
        resourceId: id,
        metadata: {
          ...{ project_id: path.projectId, name, last_version: lastVersion, last_sequence: sequence },
          ...{ active_version: activeVersion, ...deletionMetadata(options, live) },
        },
      });
      return environment;
    });
    cache.forget(({ environmentId }) => environmentId === deleted.id);
    sessions.endEnvironments(new Set([deleted.id]));
    wakeups.wake(deleted.id);
  }
}

/** The audit's record of an environment that was made or changed. */
function settingsMetadata(environment: Environment): Metadata {
  const settings = ENVIRONMENT_SETTINGS.map((setting) => [snakeCase(setting), environment[setting]] as const);
  return { project_id: environment.projectId, name: environment.name, ...Object.fromEntries(settings) };
}

/** A stage that was asked for must be there; one that is the default may come later. */
function checkKnown(siblings: readonly Environment[], name: string, next: string | null): void {
  if (next === null || next === name || siblings.some((sibling) => sibling.name === next)) return;
  throw invalidField(["promotes_to"], `the project has no environment "${next.slice(0, 64)}"`, "unknown");
}

/** Refuses a next stage that leads back here. */
function checkNoCycle(siblings: readonly Environment[], name: string, next: string | null): void {
  const nextOf = new Map(siblings.map((sibling) => [sibling.name, sibling.promotesTo]));
  const seen = new Set([name]);
  for (let stage = next; stage !== null; stage = nextOf.get(stage) ?? null) {
    if (seen.has(stage)) throw invalidField(["promotes_to"], `leads back to "${stage}"`, "cycle");
    seen.add(stage);
  }
}
