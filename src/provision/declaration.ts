import type { EnvironmentChange } from "../core/organization.js";
import type { KeyType } from "../core/token.js";

/** What a file declares: docs/provision.md. What is left out is not managed: it stays as it is. */
export interface Declaration {
  readonly organizations: readonly DeclaredOrganization[];
}

/** An organization of a declaration; absent fields and lists are left as they are. */
export interface DeclaredOrganization {
  /** What it is known by, unless it is the operator's. */
  readonly name: string;
  /** The first organization of the server, whatever its name is. */
  readonly operator: boolean;
  readonly plan?: string;
  /** Null is unlimited. */
  readonly versionsPerEnvironment?: number | null;
  /** The admin token that acts in this organization when it is not the caller's own. */
  readonly credential?: string;
  readonly projects?: readonly DeclaredProject[];
  readonly webhooks?: readonly DeclaredWebhook[];
  readonly tokens?: readonly DeclaredToken[];
}

/** A project of a declaration; absent environments are left as they are. */
export interface DeclaredProject {
  /** What it is known by. */
  readonly name: string;
  readonly environments?: readonly DeclaredEnvironment[];
}

/** An environment by its name, with the settings that are declared. */
export interface DeclaredEnvironment extends EnvironmentChange {
  readonly name: string;
}

/** A webhook of a declaration. */
export interface DeclaredWebhook {
  /** What it is known by. */
  readonly url: string;
  readonly events: readonly string[];
  readonly isActive?: boolean;
  /** The secret itself. Never shown. */
  readonly secret?: string;
}

/** A token of a declaration, of which only the hash is declared. */
export interface DeclaredToken {
  /** What it is known by, among the tokens of its kind, project and environment. */
  readonly name: string;
  readonly type: KeyType;
  /** SHA-256 of the raw key, lower-case hex. */
  readonly sha256: string;
  /** Of ci and runtime tokens, and of viewers of one project. */
  readonly project?: string;
  /** Of runtime tokens. */
  readonly environment?: string;
  /** Of ci tokens: the environments that it may change; empty is all. */
  readonly environments: readonly string[];
  /** Of viewer tokens: whether it reads the audit. */
  readonly audit: boolean;
  /** Counted from when it is made. */
  readonly expiresInDays?: number;
}

/** What only admins of the organization see. */
export type DeclaredContents = Pick<DeclaredOrganization, "projects" | "webhooks" | "tokens">;

/** Whether anything is declared that only admins of the organization can see and change. */
export function hasContents({ projects, webhooks, tokens }: DeclaredContents): boolean {
  return projects !== undefined || webhooks !== undefined || tokens !== undefined;
}
