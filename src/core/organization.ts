import type { Instant } from "./clock.js";

/** A tenant. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly industry: string | null;
  readonly companySize: string | null;
  /** Versions kept for each environment; null is unlimited. */
  readonly versionsPerEnvironment: number | null;
  /** True for the first organization only. Its admins run the server. */
  readonly isOperator: boolean;
  /** Since when its bundles and webhooks are signed with keys of its own; null while they are signed with the server's. */
  readonly ownKeysSince: Instant | null;
  readonly createdAt: Instant;
}

/** Which key signs an environment's bundles: the organization's, or one of its own. */
export const ENVIRONMENT_KEYS = ["organization", "environment"] as const;
export type EnvironmentKey = (typeof ENVIRONMENT_KEYS)[number];

export interface Project {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly slug: string;
  readonly createdAt: Instant;
}

/** Keeps what is active in an environment until it is released. */
export interface Hold {
  /** The prefix of the token that did it. */
  readonly by: string;
  readonly reason: string | null;
  readonly since: Instant;
}

/** A stage of a project. The pointer to its active bundle is here and nowhere else. */
export interface Environment {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly name: string;
  readonly position: number;
  /** The name of the next stage; null for the last one. */
  readonly promotesTo: string | null;
  readonly signingKey: EnvironmentKey;
  /** When the newest version was published, as it is signed; null before the first. */
  readonly lastPublishedAt: Instant | null;
  /** The newest version ever given, deleted ones too; 0 before the first. */
  readonly lastVersion: number;
  /** The newest activation's sequence; 0 before the first. */
  readonly sequence: number;
  readonly activeBundleId: string | null;
  readonly activeVersion: number | null;
  readonly activeDeploymentId: string | null;
  readonly hold: Hold | null;
  readonly createdAt: Instant;
}

/** The stages of a new project, in order. */
export const STANDARD_ENVIRONMENTS = ["dev", "staging", "prod"] as const;

/** Where a stage with a standard name promotes to unless it is told otherwise. */
export function standardNextStage(name: string): string | null {
  const index = (STANDARD_ENVIRONMENTS as readonly string[]).indexOf(name);
  return index < 0 ? null : (STANDARD_ENVIRONMENTS[index + 1] ?? null);
}

/** A name as it stands in a URL: lower case, ASCII, dashes; never empty. */
export function slugify(name: string): string {
  const slug = name
    .normalize("NFKD")
    .replace(/\p{Mark}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return slug === "" ? "unnamed" : slug;
}
