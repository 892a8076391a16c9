import { AppError, notFound } from "../../core/error.js";
import type { Environment, Project } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader } from "../../store/store.js";

/** Names an environment as paths do. */
export interface EnvironmentPath {
  readonly projectId: string;
  readonly envName: string;
}

/** The project, if this token sees it. Throws `not_found` for what is not there and for what it does not see, alike. */
export async function visibleProject(reader: Reader, principal: Principal, projectId: string): Promise<Project> {
  const seen = principal.projectId === null || principal.projectId === projectId;
  const project = seen ? await reader.project(principal.orgId, projectId) : null;
  if (project === null) throw notFound("project");
  return project;
}

/** The environment, if this token sees it; as visibleProject. */
export async function visibleEnvironment(
  reader: Reader,
  principal: Principal,
  { projectId, envName }: EnvironmentPath,
): Promise<Environment> {
  const environment = await reader.environment(projectId, envName);
  if (environment !== null && seesEnvironment(principal, environment)) return environment;
  // Only to say which of the two is not there.
  await visibleProject(reader, principal, projectId);
  throw notFound("environment");
}

/** Whether a token sees an environment of its organization. */
export function seesEnvironment(principal: Principal, environment: Environment): boolean {
  if (principal.orgId !== environment.orgId) return false;
  if (principal.projectId !== null && principal.projectId !== environment.projectId) return false;
  return principal.environmentId === null || principal.environmentId === environment.id;
}

/** A ci token may be narrowed to some environments: throws `forbidden` when it may see this one but not change it. */
export function requireChangeable(principal: Principal, environmentName: string): void {
  if (principal.environments.length === 0 || principal.environments.includes(environmentName)) return;
  throw new AppError("forbidden", `the token may not change the environment "${environmentName}"`);
}

/** The environment of a runtime token. The method's scope lets no other token here. */
export function environmentOf(principal: Principal): string {
  if (principal.environmentId === null) throw new AppError("forbidden", "only a runtime token has an environment");
  return principal.environmentId;
}
