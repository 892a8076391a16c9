import type { KeyType } from "../core/token.js";
import type { EnvironmentSettings } from "../core/organization.js";
import type { DeclaredEnvironment } from "./declaration.js";

/** What there is, as far as the target may see it. */
export interface ActualOrganization {
  readonly id: string;
  readonly name: string;
  readonly isOperator: boolean;
  readonly plan: string;
  readonly versionsPerEnvironment: number | null;
  /** Null where the target has no right to look inside. */
  readonly contents: ActualContents | null;
}

/** The contents of an organization on the server. */
export interface ActualContents {
  readonly projects: readonly ActualProject[];
  readonly webhooks: readonly ActualWebhook[];
  /** Revoked and expired ones too. */
  readonly tokens: readonly ActualToken[];
}

/** A project on the server. */
export interface ActualProject {
  readonly id: string;
  readonly name: string;
  readonly environments: readonly ActualEnvironment[];
}

/** An environment with all its settings. */
export interface ActualEnvironment extends EnvironmentSettings {
  readonly id: string;
  readonly name: string;
}

/** A webhook on the server. */
export interface ActualWebhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly isActive: boolean;
  /** As secretFingerprint makes it; null without a secret. */
  readonly secretFingerprint: string | null;
}

/** A token on the server. */
export interface ActualToken {
  readonly id: number;
  readonly name: string | null;
  readonly type: KeyType;
  readonly keyPrefix: string;
  readonly projectId: string | null;
  readonly environmentId: string | null;
  readonly environments: readonly string[];
  /** Of a viewer: whether it reads the audit. */
  readonly audit: boolean;
  /** Neither revoked nor expired. */
  readonly isLive: boolean;
  /** The one that the target itself works with. */
  readonly isInUse: boolean;
}

/** A token to create, by the hash of its key. */
export interface NewToken {
  readonly name: string;
  readonly type: KeyType;
  readonly sha256: string;
  readonly projectId: string | null;
  readonly environmentId: string | null;
  readonly environments: readonly string[];
  /** Of a viewer: whether it reads the audit. */
  readonly audit: boolean;
  readonly expiresInDays: number | null;
}

/**
 * A server, as a declaration is applied to it: through its API, or from inside before it listens. Every method is one use case, with
 * its checks and its audit event, and throws what that throws.
 */
export interface ProvisionTarget {
  read(): Promise<readonly ActualOrganization[]>;
  /** With its first admin token, of which the hash is given. Returns the id. */
  createOrganization(organization: {
    readonly name: string;
    readonly plan?: string;
    readonly versionsPerEnvironment?: number | null;
    readonly admin: { readonly name: string; readonly sha256: string };
  }): Promise<string>;
  updateOrganization(
    orgId: string,
    change: { readonly name?: string; readonly plan?: string; readonly versionsPerEnvironment?: number | null },
  ): Promise<void>;
  /** Without runtime tokens. Standard environments when none are named. */
  createProject(orgId: string, name: string, environments: readonly string[]): Promise<ActualProject>;
  deleteProject(orgId: string, projectId: string): Promise<void>;
  createEnvironment(orgId: string, projectId: string, environment: DeclaredEnvironment): Promise<ActualEnvironment>;
  updateEnvironment(orgId: string, projectId: string, environment: DeclaredEnvironment): Promise<void>;
  deleteEnvironment(orgId: string, projectId: string, name: string): Promise<void>;
  /** Without a secret when none is given. Returns the id. */
  createWebhook(orgId: string, url: string, events: readonly string[], secret: string | null): Promise<string>;
  updateWebhook(
    orgId: string,
    id: string,
    change: { readonly events?: readonly string[]; readonly isActive?: boolean },
  ): Promise<void>;
  /** The old one signs too for a day. */
  setWebhookSecret(orgId: string, id: string, secret: string): Promise<void>;
  deleteWebhook(orgId: string, id: string): Promise<void>;
  createToken(orgId: string, token: NewToken): Promise<void>;
  /** The old key stops at once. */
  rotateToken(orgId: string, id: number, sha256: string): Promise<void>;
  revokeToken(orgId: string, id: number): Promise<void>;
}
