import type { Instant } from "./clock.js";

export type KeyType = "admin" | "ci" | "runtime";

/** What a token carries. Which method needs which stands in the proto (signet.v1.Scope). */
export type TokenScope = "read" | "write" | "bundle:publish" | "org:admin" | "runtime";

/** Which token carries which scope (api.md, "Tokens"). */
export const SCOPES: Readonly<Record<KeyType, readonly TokenScope[]>> = {
  admin: ["read", "write", "bundle:publish", "org:admin"],
  ci: ["read", "write", "bundle:publish"],
  runtime: ["read", "runtime"],
};

/** A token as it is kept: never the raw key, only its SHA-256. */
export interface Token {
  readonly id: number;
  readonly orgId: string;
  readonly keyType: KeyType;
  /** Set for ci and runtime. */
  readonly projectId: string | null;
  /** Set for runtime. */
  readonly environmentId: string | null;
  readonly name: string | null;
  readonly keyPrefix: string;
  /** For ci: the environments that it may change; empty is all. */
  readonly environments: readonly string[];
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

/** Who is calling: what the token of a request says, checked once at the door. */
export interface Principal {
  readonly tokenId: number;
  /** SHA-256 of the raw key that was sent: a token that is rotated has two for a while. */
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
  /** When this credential stops: the token's expiry, or the end of a rotation's grace. */
  readonly expiresAt: Instant | null;
  /** The client's address of this request, as the server saw it; absent where no request came in. */
  readonly source?: string;
}

/** A token that an attempt was made with, whether or not it still works. */
export type KnownToken = Pick<Principal, "tokenId" | "keyPrefix" | "orgId">;

/** Whether a kept token still works at an instant. */
export function isLive(token: Pick<Token, "revokedAt" | "expiresAt">, now: Instant): boolean {
  return token.revokedAt === null && (token.expiresAt === null || token.expiresAt > now);
}

/** What names a token whose key was not made here, of which nothing but the hash is known. */
export function chosenKeyPrefix(hash: string): string {
  return `chosen_${hash.slice(0, 8)}`;
}
