import type { Instant } from "./clock.js";
import { isUuid } from "./uuid.js";

/** A tenant: everything belongs to one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly industry: string | null;
  readonly companySize: string | null;
  /** Versions kept for each environment; null is unlimited. */
  readonly versionsPerEnvironment: number | null;
  /** True for the first organization only. Its admins operate the server. */
  readonly isOperator: boolean;
  /** Since when its bundles and webhooks are signed with its own keys; null while the server's keys sign them. */
  readonly ownKeysSince: Instant | null;
  readonly createdAt: Instant;
}

/** Which key signs an environment's bundles: the organization's, or one of its own. */
export const ENVIRONMENT_KEYS = ["organization", "environment"] as const;

/** The owner of the key that signs an environment's bundles. */
export type EnvironmentKey = (typeof ENVIRONMENT_KEYS)[number];

/** A group of environments through which one set of policies is promoted. */
export interface Project {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly slug: string;
  readonly createdAt: Instant;
}

/** Blocks changes of the active bundle of an environment until it is released. */
export interface Hold {
  /** The prefix of the token that set it. */
  readonly by: string;
  /** The name of that token; absent or null for a token without one, and for holds of earlier releases. */
  readonly byName?: string | null;
  readonly reason: string | null;
  readonly since: Instant;
}

/** The fields of an environment that callers set. A new one is added here, and travels from here (docs/architecture.md). */
export interface EnvironmentSettings {
  /** Its order among its siblings, from 0. */
  readonly position: number;
  /** The name of the next stage; null for the last one. */
  readonly promotesTo: string | null;
  readonly signingKey: EnvironmentKey;
  /** Whether it cannot be deleted. */
  readonly protected: boolean;
}

/** The default settings of an environment; its siblings and its name give it another position and next stage. */
export const DEFAULT_ENVIRONMENT: EnvironmentSettings = {
  position: 0,
  promotesTo: null,
  signingKey: "organization",
  protected: false,
};

/** The names of the settings. */
export const ENVIRONMENT_SETTINGS = Object.keys(DEFAULT_ENVIRONMENT) as readonly (keyof EnvironmentSettings)[];

/** The settings that a caller gives; the others keep their values. */
export type EnvironmentChange = { readonly [K in keyof EnvironmentSettings]?: EnvironmentSettings[K] };

/** The settings in an object that may have more fields; an absent or undefined one has its default. */
export function environmentSettings(from: {
  readonly [K in keyof EnvironmentSettings]?: unknown;
}): EnvironmentSettings {
  const values = ENVIRONMENT_SETTINGS.map((name) => [name, from[name] ?? DEFAULT_ENVIRONMENT[name]]);
  return Object.fromEntries(values) as EnvironmentSettings;
}

/** A stage of a project. Holds the only pointer to its active bundle. */
export interface Environment extends EnvironmentSettings {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly name: string;
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

/** The settings of the stages of a new project, in order: each promotes to the next one, and prod is protected. */
export function newStages(names: readonly string[]): readonly ({ readonly name: string } & EnvironmentSettings)[] {
  return names.map((name, position) => ({
    ...DEFAULT_ENVIRONMENT,
    ...{ name, position, promotesTo: names[position + 1] ?? null, protected: name === PROTECTED_STAGE },
  }));
}

/** The stage of a new project that is protected. */
const PROTECTED_STAGE = "prod";

/** What is left of a deleted environment, for the next one of that name in its project. */
export interface FormerEnvironment {
  readonly projectId: string;
  readonly name: string;
  /** The newest sequence ever given; the next environment continues above it. */
  readonly sequence: number;
  /** The newest version ever given. */
  readonly lastVersion: number;
  readonly lastPublishedAt: Instant | null;
  /** Its next stage when it was deleted. */
  readonly promotesTo: string | null;
  /** The names of the environments that promoted to it. */
  readonly promotedFrom: readonly string[];
}

/** The default next stage of a standard name; null for any other name. */
export function standardNextStage(name: string): string | null {
  const index = (STANDARD_ENVIRONMENTS as readonly string[]).indexOf(name);
  return index < 0 ? null : (STANDARD_ENVIRONMENTS[index + 1] ?? null);
}

/** A name in its URL form: lower-case ASCII and dashes, at most 63 characters, never empty. */
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

/** Whether a text has the form of a slug. */
export function isSlug(text: string): boolean {
  return slugify(text) === text;
}

/**
 * The slug of a new organization or project: that of its name. With the start of `id` behind it when another one has that slug, and when
 * it is a UUID, which requests take for an id.
 */
export async function newSlug(name: string, id: string, isTaken: (slug: string) => Promise<boolean>): Promise<string> {
  const slug = slugify(name);
  return isUuid(slug) || (await isTaken(slug)) ? `${slug.slice(0, 54)}-${id.slice(0, 8)}` : slug;
}
