import type { Instant } from "./clock.js";

/** The types of tokens: for administrators, CI jobs, runtimes, people and programs that only look, and scrapers of metrics. */
export const KEY_TYPES = ["admin", "ci", "runtime", "viewer", "metrics"] as const;

/** The type of a token. */
export type KeyType = (typeof KEY_TYPES)[number];

/** A right of a token. The proto says which scope a method requires (signet.v1.Scope). */
export type TokenScope = "read" | "write" | "bundle:publish" | "org:admin" | "runtime" | "audit:read" | "metrics";

/** The scopes of each token type (docs/api.md), without what a token was made with besides: see {@link scopesOf}. */
export const SCOPES: Readonly<Record<KeyType, readonly TokenScope[]>> = {
  admin: ["read", "write", "bundle:publish", "org:admin"],
  ci: ["read", "write", "bundle:publish"],
  runtime: ["read", "runtime"],
  viewer: ["read"],
  metrics: ["metrics"],
};

/** The scopes of a token. An admin's org:admin implies audit:read, and metrics in the operator's organization. */
export function scopesOf({ keyType, readsAudit }: Pick<Token, "keyType" | "readsAudit">): readonly TokenScope[] {
  return readsAudit ? [...SCOPES[keyType], "audit:read"] : SCOPES[keyType];
}

/** A token as it is stored: the SHA-256 of its raw key, never the key itself. */
export interface Token {
  readonly id: number;
  readonly orgId: string;
  readonly keyType: KeyType;
  /** Set for ci and runtime, and for a viewer of one project. */
  readonly projectId: string | null;
  /** Set for runtime. */
  readonly environmentId: string | null;
  readonly name: string | null;
  readonly keyPrefix: string;
  /** For ci: the environments that it may change; empty is all. */
  readonly environments: readonly string[];
  /** For viewer: whether it reads the audit. */
  readonly readsAudit: boolean;
  /** SHA-256 of the raw key, lower-case hex. */
  readonly hash: string;
  /** The hash before the last rotation, while it still works. */
  readonly previousHash: string | null;
  readonly previousExpiresAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  readonly createdAt: Instant;
  /** To the minute. */
  readonly lastUsedAt: Instant | null;
}

/** The tokenId of the operator when no token acts: at a declaration that the server applies. No token has it. */
export const OPERATOR_TOKEN_ID = 0;

/** The caller of a request: the verified facts about its token. */
export interface Principal {
  readonly tokenId: number;
  /** Null for a token without a name. */
  readonly tokenName: string | null;
  /** SHA-256 of the raw key that was sent; during the grace of a rotation a token has two. */
  readonly keyHash: string;
  readonly keyPrefix: string;
  readonly keyType: KeyType;
  readonly orgId: string;
  /** An admin of the operator's organization. */
  readonly isOperator: boolean;
  readonly projectId: string | null;
  readonly environmentId: string | null;
  readonly environments: readonly string[];
  readonly scopes: readonly TokenScope[];
  /** When this credential expires: with the token, or at the end of a rotation's grace. */
  readonly expiresAt: Instant | null;
  /** The SHA-256 of the console session that stands for the token; absent where the token itself was sent. */
  readonly sessionHash?: string;
  /** The client's address, as the server saw it; absent outside of requests. */
  readonly source?: string;
}

/** A stored token that a request presented, valid or not. */
export type KnownToken = Pick<Principal, "tokenId" | "tokenName" | "keyPrefix" | "keyType" | "orgId">;

/** Whether a stored token is neither revoked nor expired. */
export function isLive(token: Pick<Token, "revokedAt" | "expiresAt">, now: Instant): boolean {
  return token.revokedAt === null && (token.expiresAt === null || token.expiresAt > now);
}

/** The prefix of a token whose key was not generated here: derived from its hash, because nothing else is known. */
export function chosenKeyPrefix(hash: string): string {
  return `chosen_${hash.slice(0, 8)}`;
}
