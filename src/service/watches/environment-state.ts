import { createHash } from "node:crypto";
import type { Deployment } from "../../core/bundle.js";
import type { Environment, Project } from "../../core/organization.js";

/** The newest state of an environment, as it is told to those who look. */
export interface EnvironmentState {
  readonly project: Project;
  readonly environment: Environment;
  /** What is active; null while nothing is. */
  readonly deployment: Deployment | null;
  /** Names all that is told of it: 16 hex digits. */
  readonly tag: string;
}

/** The state, with its tag. */
export function environmentState(
  project: Project,
  environment: Environment,
  deployment: Deployment | null,
): EnvironmentState {
  const { name, position, promotesTo, signingKey, protected: isProtected, hold, sequence, activeVersion } = environment;
  const told = [name, position, promotesTo, signingKey, isProtected, hold, sequence, activeVersion, deployment?.id];
  const tag = createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 16);
  return { project, environment, deployment, tag };
}

/** What a reader knows of an environment. */
export interface EnvironmentCursor {
  readonly sequence: number;
  /** Empty when the reader does not name it. */
  readonly deploymentId: string;
  /** Empty when the reader does not name it. */
  readonly tag: string;
}

/** The cursor as a text: `<environment_id>:<sequence>:<deployment_id>:<tag>`. */
export function formatCursor({ environment, deployment, tag }: EnvironmentState): string {
  return `${environment.id}:${deployment?.sequence ?? 0}:${deployment?.id ?? ""}:${tag}`;
}

/** Reads cursors, by the ids of their environments; of several for one the last. Their form is the rule of the field. */
export function parseCursors(texts: readonly string[]): ReadonlyMap<string, EnvironmentCursor> {
  const cursors = new Map<string, EnvironmentCursor>();
  for (const text of texts) {
    const [id = "", sequence = "", deploymentId = "", tag = ""] = text.split(":");
    cursors.set(id.toLowerCase(), { sequence: Number(sequence), deploymentId, tag });
  }
  return cursors;
}

/** Whether the activation is another one than the reader knows. */
export function isActivated({ deployment }: EnvironmentState, cursor: EnvironmentCursor | undefined): boolean {
  if (cursor === undefined) return deployment !== null;
  const { deploymentId, sequence } = cursor;
  return deploymentId === "" ? sequence !== (deployment?.sequence ?? 0) : deploymentId !== deployment?.id;
}

/** Whether the reader has this state. Without a tag it may lack a hold. */
export function hasState(state: EnvironmentState, cursor: EnvironmentCursor | undefined): boolean {
  if (cursor === undefined) return false;
  if (cursor.tag !== "") return cursor.tag === state.tag;
  return state.environment.hold === null && !isActivated(state, cursor);
}
