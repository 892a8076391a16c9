import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";

/** The types of tokens, and what each is for. */
export const TOKEN_TYPES = [
  ["admin", "Admin", "All rights in the organization."],
  ["ci", "CI", "Publishes, activates and promotes in one project."],
  ["viewer", "Viewer", "Reads and changes nothing: for people and dashboards."],
  ["runtime", "Runtime", "Gets the active bundle of one environment."],
  ["metrics", "Metrics", "Scrapes /metrics and nothing else."],
] as const;

/** A type of token. */
export type TokenType = (typeof TOKEN_TYPES)[number][0];

/** Tokens that expire within this time are told of, in milliseconds. */
export const SOON_MS = 30 * 86_400_000;

/** How a token is. */
export type TokenState = "active" | "expiring" | "ended";

/** Whether a token works, for long, or not any more. @param nowMs milliseconds since 1970 */
export function stateOf({ isActive, expiresAt }: Pick<Token, "isActive" | "expiresAt">, nowMs: number): TokenState {
  const endsMs = expiresAt === undefined ? Infinity : timestampMs(expiresAt);
  if (!isActive || endsMs <= nowMs) return "ended";
  return endsMs - nowMs <= SOON_MS ? "expiring" : "active";
}

/** What of the tokens is shown; empty is all. */
export interface TokenFilter {
  /** A part of the name, the prefix or the id. */
  readonly q?: string | undefined;
  readonly type?: string | undefined;
  /** The id of a project; its slug in URLs. */
  readonly projectId?: string | undefined;
  /** "active" (with those that expire soon), "expiring", "ended" or "all"; "active" by default. */
  readonly state?: string | undefined;
}

/** The tokens that a filter shows. */
export function filterTokens(tokens: readonly Token[], filter: TokenFilter, nowMs: number): readonly Token[] {
  const { q = "", type = "", projectId, state = "active" } = filter;
  const text = q.trim().toLowerCase();
  return tokens.filter((token) => {
    const { id, name = "", keyPrefix, keyType } = token;
    const is = stateOf(token, nowMs);
    if (state === "active" ? is === "ended" : state !== "all" && state !== is) return false;
    if (type !== "" && type !== keyType) return false;
    if (projectId !== undefined && token.projectId !== projectId) return false;
    return text === "" || `${name}\n${keyPrefix}\n${id}`.toLowerCase().includes(text);
  });
}

/** What a token reaches: the project and the environments, by their names. */
export interface TokenPlace {
  readonly project: string | undefined;
  readonly environments: readonly string[];
}

/** Where a token works. A project that is not known is named by its id. */
export function placeOf(token: Token, projects: readonly Project[]): TokenPlace {
  const { projectId, environmentId, environments } = token;
  if (projectId === undefined) return { project: undefined, environments: [] };
  const project = projects.find(({ id }) => id === projectId);
  const own = project?.environments.find(({ id }) => id === environmentId)?.name ?? environmentId;
  return { project: project?.name ?? projectId, environments: own === undefined ? environments : [own] };
}

/** How a token is called where it has no name. */
export function titleOf({ name = "", keyPrefix }: Pick<Token, "name" | "keyPrefix">): string {
  return name === "" ? keyPrefix : name;
}
