import { performedBy } from "../../core/actor.js";
import { randomUUID } from "node:crypto";
import { instantOf, type Clock } from "../../core/clock.js";
import { invalidField } from "../../core/error.js";
import {
  DEFAULT_ENVIRONMENT,
  newSlug,
  newStages,
  STANDARD_ENVIRONMENTS,
  type Environment,
  type EnvironmentChange,
  type Project,
} from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { seesEnvironment, visibleProject } from "../access/access.js";
import {
  countDisconnected,
  deletionMetadata,
  PLAIN_DELETION,
  refuseProtected,
  type DeletionOptions,
} from "./deletion-guard.js";
import type { Audit } from "../audit/audit.js";
import type { Outbox } from "../changes/outbox.js";
import type { Sessions } from "../access/sessions.js";
import type { TokenCache } from "../tokens/token-cache.js";
import { tokenEvent } from "../tokens/token-events.js";
import type { IssuedToken, Tokens } from "../tokens/tokens.js";
import type { Wakeups } from "../changes/wakeups.js";

/** A project and those of its environments that the caller sees. */
export interface ProjectTree {
  readonly project: Project;
  readonly environments: readonly Environment[];
}

/** A new project with the tokens of its environments, whose raw keys are shown once. */
export interface NewProject extends ProjectTree {
  readonly runtimeTokens: readonly { readonly environment: Environment; readonly issued: IssuedToken }[];
}

/** The options of a new project. */
export interface NewProjectOptions {
  /** The names of its environments, each promoting to the next one; dev, staging and prod by default. */
  readonly environments?: readonly string[];
  /** Whether each environment gets a runtime token; true by default. */
  readonly runtimeKeys?: boolean;
}

/** Makes, shows and deletes projects. */
export class Projects {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly tokens: Tokens;
      readonly sessions: Sessions;
      readonly cache: TokenCache;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
    },
  ) {}

  async create(caller: Principal, name: string, options: NewProjectOptions = {}): Promise<NewProject> {
    const { environments: stages = STANDARD_ENVIRONMENTS, runtimeKeys = true } = options;
    refuseTwice(stages);
    const { store, audit, tokens, outbox } = this.deps;
    const made = await store.write(async (tx) => {
      const { project, environments } = await this.createIn(tx, caller.orgId, name, stages);
      const runtimeTokens = [];
      for (const environment of runtimeKeys ? environments : []) {
        const target = { projectId: project.id, environmentId: environment.id };
        const options = { name: null, expiresInDays: null };
        const issued = await tokens.issueIn(tx, caller.orgId, "runtime", options, target);
        await outbox.emit(tx, tokenEvent("token.created", issued.token, performedBy(caller)));
        runtimeTokens.push({ environment, issued });
      }
      await audit.record(tx, caller.orgId, caller, {
        action: "project.created",
        resourceType: "project",
        resourceId: project.id,
        metadata: {
          name,
          slug: project.slug,
          environments: environments.map((environment) => environment.name),
          runtime_key_prefixes: runtimeTokens.map(({ issued }) => issued.token.keyPrefix),
        },
      });
      return { project, environments, runtimeTokens };
    });
    outbox.committed();
    return made;
  }

  /** Makes a project with its environments inside of another use case's transaction. */
  async createIn(
    tx: Writer,
    orgId: string,
    name: string,
    stages: readonly string[] = STANDARD_ENVIRONMENTS,
  ): Promise<ProjectTree> {
    const id = randomUUID();
    const createdAt = instantOf(this.deps.clock.now());
    const slug = await newSlug(name, id, async (slug) => (await tx.projectBySlug(orgId, slug)) !== null);
    const project = { id, orgId, name, slug, createdAt };
    await tx.insertProject(project);
    const environments = newStages(stages).map(({ name: stage, ...settings }) =>
      newEnvironment(project, stage, settings, createdAt),
    );
    for (const environment of environments) await tx.insertEnvironment(environment);
    return { project, environments };
  }

  async list(caller: Principal, limit: number | undefined, offset: number): Promise<Listed<ProjectTree>> {
    const { read } = this.deps.store;
    const page = { limit: limit ?? 1000, offset };
    const { rows, total } = await read.projects(caller.orgId, page, caller.projectId ?? undefined);
    return { rows: await Promise.all(rows.map((project) => treeOf(read, caller, project))), total };
  }

  async get(caller: Principal, projectId: string): Promise<ProjectTree> {
    const { read } = this.deps.store;
    return await treeOf(read, caller, await visibleProject(read, caller, projectId));
  }

  /** Its environments, bundles and tokens go with it. Throws `conflict`, as refuseProtected and countDisconnected. */
  async delete(caller: Principal, projectId: string, options: DeletionOptions = PLAIN_DELETION): Promise<void> {
    const { store, clock, audit, sessions, cache, wakeups } = this.deps;
    const ended = await store.write(async (tx) => {
      const project = await visibleProject(tx, caller, projectId);
      const environments = await tx.environments(projectId);
      const environmentIds = new Set(environments.map(({ id }) => id));
      const target = { scope: { projectId }, environmentIds, what: `the project "${project.name}"` };
      await refuseProtected(tx, target);
      const live = await countDisconnected(tx, { sessions, clock }, target, options);
      await tx.deleteProject(projectId, instantOf(clock.now()));
      await audit.record(tx, caller.orgId, caller, {
        action: "project.deleted",
        resourceType: "project",
        resourceId: projectId,
        metadata: {
          ...{ name: project.name, environments: environments.map(({ name }) => name) },
          ...deletionMetadata(options, live),
        },
      });
      return environmentIds;
    });
    cache.forget((principal) => principal.projectId === projectId);
    sessions.endEnvironments(ended);
    for (const id of ended) wakeups.wake(id);
  }
}

function refuseTwice(stages: readonly string[]): void {
  const twice = stages.findIndex((stage, index) => stages.indexOf(stage) < index);
  if (twice >= 0) throw invalidField(["environments", String(twice)], "is there twice", "duplicate");
}

/** An environment in which nothing has happened yet. */
export function newEnvironment(
  project: Project,
  name: string,
  settings: EnvironmentChange,
  createdAt: string,
): Environment {
  return {
    ...DEFAULT_ENVIRONMENT,
    ...settings,
    id: randomUUID(),
    orgId: project.orgId,
    projectId: project.id,
    name,
    lastPublishedAt: null,
    lastVersion: 0,
    sequence: 0,
    activeBundleId: null,
    activeVersion: null,
    activeDeploymentId: null,
    hold: null,
    createdAt,
  };
}

async function treeOf(reader: Reader, caller: Principal, project: Project): Promise<ProjectTree> {
  const environments = await reader.environments(project.id);
  return { project, environments: environments.filter((environment) => seesEnvironment(caller, environment)) };
}
