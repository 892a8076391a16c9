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
import type { Store } from "../../store/store.js";
import { seesEnvironment, visibleEnvironment, visibleProject, type EnvironmentPath } from "../access/access.js";
import type { Audit } from "../audit/audit.js";
import type { SigningKeys } from "../keys/key-files.js";
import { keepEnvironmentKey } from "../keys/key-records.js";
import { newEnvironment } from "./projects.js";
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

  /** `promotesTo` undefined is the standard next stage, which may be made later; null is none. */
  async create(
    caller: Principal,
    projectId: string,
    { name, ...input }: { readonly name: string } & EnvironmentChange,
  ): Promise<Environment> {
    const { store, clock, audit, keys } = this.deps;
    return await store.write(async (tx) => {
      const project = await visibleProject(tx, caller, projectId);
      const siblings = await tx.environments(projectId);
      if (siblings.some((sibling) => sibling.name === name)) {
        throw new AppError("conflict", `the project has an environment "${name}" already`);
      }
      if (siblings.length >= MAX_ENVIRONMENTS) {
        throw new AppError("quota_exceeded", `a project has at most ${MAX_ENVIRONMENTS} environments`);
      }
      const promotesTo = input.promotesTo === undefined ? standardNextStage(name) : input.promotesTo;
      if (input.promotesTo !== undefined) checkKnown(siblings, name, promotesTo);
      checkNoCycle(siblings, name, promotesTo);
      const position = input.position ?? 1 + Math.max(-1, ...siblings.map((sibling) => sibling.position));
      const createdAt = instantOf(clock.now());
      const environment = newEnvironment(project, name, { ...input, position, promotesTo }, createdAt);
      await tx.insertEnvironment(environment);
      if (environment.signingKey === "environment") await keepEnvironmentKey(tx, keys, environment, createdAt);
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.created",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: settingsMetadata(environment),
      });
      return environment;
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
    return await store.write(async (tx) => {
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

  async delete(caller: Principal, path: EnvironmentPath): Promise<void> {
    const { store, clock, audit, sessions, cache, wakeups } = this.deps;
    const deleted = await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      await tx.deleteEnvironment(environment.id, instantOf(clock.now()));
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.deleted",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: { project_id: path.projectId, name: environment.name, last_version: environment.lastVersion },
      });
      return environment;
    });
    cache.forget(({ environmentId }) => environmentId === deleted.id);
    sessions.endEnvironment(deleted.id);
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
