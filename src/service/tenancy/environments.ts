import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField } from "../../core/error.js";
import { standardNextStage, type Environment, type EnvironmentKey } from "../../core/organization.js";
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
    input: {
      name: string;
      position: number | null;
      promotesTo: string | null | undefined;
      signingKey?: EnvironmentKey;
    },
  ): Promise<Environment> {
    const { signingKey = "organization" } = input;
    const { store, clock, audit, keys } = this.deps;
    return await store.write(async (tx) => {
      const project = await visibleProject(tx, caller, projectId);
      const siblings = await tx.environments(projectId);
      if (siblings.some(({ name }) => name === input.name)) {
        throw new AppError("conflict", `the project has an environment "${input.name}" already`);
      }
      if (siblings.length >= MAX_ENVIRONMENTS) {
        throw new AppError("quota_exceeded", `a project has at most ${MAX_ENVIRONMENTS} environments`);
      }
      const next = input.promotesTo === undefined ? standardNextStage(input.name) : input.promotesTo;
      if (input.promotesTo !== undefined) checkKnown(siblings, input.name, next);
      checkNoCycle(siblings, input.name, next);
      const position = input.position ?? 1 + Math.max(-1, ...siblings.map((sibling) => sibling.position));
      const createdAt = instantOf(clock.now());
      const environment = newEnvironment(project, input.name, position, next, createdAt, signingKey);
      await tx.insertEnvironment(environment);
      if (signingKey === "environment") await keepEnvironmentKey(tx, keys, environment, createdAt);
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.created",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: { project_id: projectId, name: input.name, position, promotes_to: next, signing_key: signingKey },
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

  /** What is absent stays; `promotesTo` null makes it a last stage. */
  async update(
    caller: Principal,
    path: EnvironmentPath,
    change: {
      readonly position?: number | null;
      readonly promotesTo?: string | null;
      readonly signingKey?: EnvironmentKey;
    },
  ): Promise<Environment> {
    const { store, audit, clock, keys } = this.deps;
    if (change.position === null) throw invalidField(["position"], "must not be null", "type");
    return await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      if (change.promotesTo !== undefined) {
        const siblings = await tx.environments(path.projectId);
        checkKnown(siblings, environment.name, change.promotesTo);
        checkNoCycle(siblings, environment.name, change.promotesTo);
      }
      const updated: Environment = {
        ...environment,
        position: change.position ?? environment.position,
        promotesTo: change.promotesTo === undefined ? environment.promotesTo : change.promotesTo,
        signingKey: change.signingKey ?? environment.signingKey,
      };
      if (updated.signingKey === "environment" && environment.signingKey !== "environment") {
        await keepEnvironmentKey(tx, keys, updated, instantOf(clock.now()));
      }
      await tx.updateEnvironment(updated);
      await audit.record(tx, caller.orgId, caller, {
        action: "environment.updated",
        resourceType: "environment",
        resourceId: environment.id,
        metadata: {
          project_id: path.projectId,
          name: environment.name,
          position: updated.position,
          promotes_to: updated.promotesTo,
          signing_key: updated.signingKey,
        },
      });
      return updated;
    });
  }

  async delete(caller: Principal, path: EnvironmentPath): Promise<void> {
    const { store, audit, sessions, cache, wakeups } = this.deps;
    const deleted = await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      await tx.deleteEnvironment(environment.id);
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
