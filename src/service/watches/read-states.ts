import { AppError } from "../../core/error.js";
import type { Environment, Project } from "../../core/organization.js";
import { inChunks, nextTurn } from "../../core/schedule/in-steps.js";
import type { Reader } from "../../store/store.js";
import { environmentState, type EnvironmentState } from "./environment-state.js";

/** An organization, or one project of it. */
export interface WatchScope {
  readonly orgId: string;
  /** Null for all projects. */
  readonly projectId: string | null;
}

/** Environments that one stream follows, and projects. */
export const MAX_WATCHED_ENVIRONMENTS = 10_000;

/** Rows that are read at once, each time in a turn of the event loop of its own. */
const PAGE = 200;

/** All projects and environments of a scope. */
export interface ScopeStates {
  readonly projects: ReadonlyMap<string, Project>;
  readonly states: readonly EnvironmentState[];
}

/** Reads all of a scope; null when the organization, or the project, is not there. Throws `conflict` when it is too large. */
export async function readScope(read: Reader, scope: WatchScope): Promise<ScopeStates | null> {
  const projects = await readProjects(read, scope);
  if (projects === null) return null;
  const among = scope.projectId === null ? { orgId: scope.orgId } : { projectId: scope.projectId };
  const states: EnvironmentState[] = [];
  let after = "";
  for (;;) {
    const page = await read.environmentsOf(among, after, PAGE);
    states.push(...(await withDeployments(read, projects, page)));
    if (states.length > MAX_WATCHED_ENVIRONMENTS) throw tooMany();
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return { projects, states };
    after = last.id;
    await nextTurn();
  }
}

/** Reads some environments of a scope; what is not there or is of another one is left out. `projects` is added to. */
export async function readStates(
  read: Reader,
  scope: WatchScope,
  projects: Map<string, Project>,
  ids: readonly string[],
): Promise<readonly EnvironmentState[]> {
  const states: EnvironmentState[] = [];
  await inChunks(ids, PAGE, async (some) => {
    const found = (await read.environmentsById(some)).filter((it) => isIn(scope, it.orgId, it.projectId));
    for (const projectId of new Set(found.map((it) => it.projectId))) {
      if (projects.has(projectId)) continue;
      const project = await read.project(scope.orgId, projectId);
      if (project !== null) projects.set(projectId, project);
    }
    states.push(...(await withDeployments(read, projects, found)));
  });
  return states;
}

/** Whether a project is in a scope. */
export function isIn(scope: WatchScope, orgId: string, projectId: string): boolean {
  return scope.orgId === orgId && (scope.projectId === null || scope.projectId === projectId);
}

/** The refusal of a scope with too many environments or projects. */
export function tooMany(): AppError {
  const message = `more than ${MAX_WATCHED_ENVIRONMENTS} environments: watch the projects one by one`;
  return new AppError("conflict", message, { reason: "too_many_environments" });
}

async function readProjects(read: Reader, { orgId, projectId }: WatchScope): Promise<Map<string, Project> | null> {
  if (projectId !== null) {
    const project = await read.project(orgId, projectId);
    return project === null ? null : new Map([[project.id, project]]);
  }
  if ((await read.organization(orgId)) === null) return null;
  const projects = new Map<string, Project>();
  for (let offset = 0; ; offset += PAGE) {
    const { rows } = await read.projects(orgId, { limit: PAGE, offset });
    for (const project of rows) projects.set(project.id, project);
    if (projects.size > MAX_WATCHED_ENVIRONMENTS) throw tooMany();
    if (rows.length < PAGE) return projects;
    await nextTurn();
  }
}

/** Environments whose project was deleted meanwhile are left out. */
async function withDeployments(
  read: Reader,
  projects: ReadonlyMap<string, Project>,
  environments: readonly Environment[],
): Promise<readonly EnvironmentState[]> {
  const active = environments.flatMap(({ activeDeploymentId: id }) => (id === null ? [] : [id]));
  const deployments = new Map((await read.deploymentsById(active)).map((it) => [it.id, it]));
  return environments.flatMap((environment) => {
    const project = projects.get(environment.projectId);
    const deployment = deployments.get(environment.activeDeploymentId ?? "") ?? null;
    return project === undefined ? [] : [environmentState(project, environment, deployment)];
  });
}
