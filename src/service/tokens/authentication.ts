import { timingSafeEqual } from "node:crypto";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { isLive, scopesOf, type KnownToken, type Principal, type Token } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { Freshness } from "../access/freshness.js";
import { hashRawKey } from "./raw-key.js";
import type { TokenCache } from "./token-cache.js";
import type { TokenUse } from "./token-use.js";

/** The answer of `whoAmI`. */
export interface WhoAmI {
  readonly principal: Principal;
  /** The name of a runtime token's environment; null for other types. */
  readonly environment: string | null;
}

/** The time of last use is stored to the minute. */
const USE_NOTED_EVERY_MS = 60_000;

/** Checks tokens. */
export class Authentication {
  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "read">;
      readonly clock: Clock;
      readonly freshness: Freshness;
      readonly cache: TokenCache;
      readonly use: TokenUse;
    },
  ) {}

  /** Like `authenticate`, for a token in the cache; undefined for every other one, valid or not. */
  known(rawKey: string): Principal | undefined {
    const hash = hashRawKey(rawKey);
    return this.#known(hash) ?? this.#knownBefore(hash);
  }

  /**
   * The principal of a raw key. Throws `unauthenticated`, with the same message for a key that is unknown, expired or revoked; for the
   * last two it calls `onStopped` first. Throws `unavailable` when the database is away; runtimes that were here before are served from
   * memory for 5 minutes.
   */
  async authenticate(rawKey: string, onStopped?: (token: KnownToken) => void): Promise<Principal> {
    return await this.authenticateHash(hashRawKey(rawKey), onStopped);
  }

  /** As `authenticate`, by the SHA-256 of a raw key that was presented before. */
  async authenticateHash(hash: string, onStopped: (token: KnownToken) => void = () => undefined): Promise<Principal> {
    const { store, cache } = this.deps;
    const known = this.#known(hash);
    if (known !== undefined) return known;
    const { generation } = cache;
    let token;
    try {
      token = await store.read.tokenByHash(hash);
    } catch (error) {
      const before = isAway(error) ? this.#knownBefore(hash) : undefined;
      if (before !== undefined) return before;
      throw error;
    }
    const now = this.#now();
    const credential = token === null ? null : liveCredential(token, hash, now);
    if (token === null) throw invalidToken();
    if (credential === null) {
      const { id: tokenId, name: tokenName, keyPrefix, keyType, orgId } = token;
      onStopped({ tokenId, tokenName, keyPrefix, keyType, orgId });
      throw invalidToken();
    }
    const operator = await store.read.operatorOrganization();
    this.deps.use.seen(token.id, token.lastUsedAt, now);
    const principal: Principal = {
      tokenId: token.id,
      tokenName: token.name,
      keyHash: hash,
      keyPrefix: token.keyPrefix,
      keyType: token.keyType,
      orgId: token.orgId,
      isOperator: token.keyType === "admin" && operator?.id === token.orgId,
      projectId: token.projectId,
      environmentId: token.environmentId,
      environments: token.environments,
      scopes: scopesOf(token),
      expiresAt: credential.endsAt,
    };
    const endsAtMs = principal.expiresAt === null ? Infinity : Date.parse(principal.expiresAt);
    cache.keep({ principal, endsAtMs, notedAtMs: this.deps.clock.monotonicMs() }, generation);
    return principal;
  }

  /**
   * For streams and polls that stay open: when the key of the request expires, by its current state, or its console session; null is
   * never. Throws `unauthenticated` if it was revoked, rotated or expired since, or signed out.
   */
  async recheck(principal: Principal): Promise<Instant | null> {
    const { sessionHash } = principal;
    const session = sessionHash === undefined ? null : await this.deps.store.read.consoleSession(sessionHash);
    if (sessionHash !== undefined && session === null) throw invalidToken();
    const keyEnd = await this.#recheckKey(principal);
    if (session === null) return keyEnd;
    return keyEnd !== null && keyEnd < session.endsAt ? keyEnd : session.endsAt;
  }

  async #recheckKey(principal: Principal): Promise<Instant | null> {
    const known = this.#known(principal.keyHash);
    if (known !== undefined) return known.expiresAt;
    let token;
    try {
      token = await this.deps.store.read.token(principal.orgId, principal.tokenId);
    } catch (error) {
      const before = isAway(error) ? this.#knownBefore(principal.keyHash) : undefined;
      if (before !== undefined) return before.expiresAt;
      throw error;
    }
    const credential = token === null ? null : liveCredential(token, principal.keyHash, this.#now());
    if (credential === null) throw invalidToken();
    return credential.endsAt;
  }

  /** The principal, and the name of its environment. */
  async whoAmI(principal: Principal): Promise<WhoAmI> {
    const { environmentId } = principal;
    const environment = environmentId === null ? null : await this.deps.store.read.environmentById(environmentId);
    return { principal, environment: environment?.name ?? null };
  }

  /** Without word from the database for 2 seconds nothing is known: another node may have revoked the token. */
  #known(hash: string): Principal | undefined {
    return this.deps.freshness.isCurrent ? this.#live(hash) : undefined;
  }

  /**
   * A runtime's token as it was before the database went away: with it nobody sees more than what it could see then, since nothing new is
   * read meanwhile. Other tokens read and change what is in the database.
   */
  #knownBefore(hash: string): Principal | undefined {
    if (!this.deps.freshness.isServable) return undefined;
    const principal = this.#live(hash);
    return principal?.keyType === "runtime" ? principal : undefined;
  }

  #live(hash: string): Principal | undefined {
    const { cache, clock, use } = this.deps;
    const credential = cache.get(hash);
    if (credential === undefined) return undefined;
    const { principal } = credential;
    const nowMs = clock.now().getTime();
    if (credential.endsAtMs <= nowMs) return undefined;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - credential.notedAtMs >= USE_NOTED_EVERY_MS) {
      credential.notedAtMs = monotonicMs;
      use.seen(principal.tokenId, null, this.#now());
    }
    return principal;
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

/** When a key of the token expires, where null is never; null if the key is not valid any more. */
export function liveCredential(token: Token, hash: string, now: Instant): { readonly endsAt: Instant | null } | null {
  if (!isLive(token, now)) return null;
  if (equalHashes(token.hash, hash)) return { endsAt: token.expiresAt };
  const { previousHash, previousExpiresAt, expiresAt } = token;
  if (previousHash === null || previousExpiresAt === null || !equalHashes(previousHash, hash)) return null;
  if (previousExpiresAt <= now) return null;
  return { endsAt: expiresAt !== null && expiresAt < previousExpiresAt ? expiresAt : previousExpiresAt };
}

function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === "unavailable";
}

/** Compares two hashes in hex, in constant time. */
export function equalHashes(kept: string, given: string): boolean {
  const [a, b] = [Buffer.from(kept, "hex"), Buffer.from(given, "hex")];
  return a.length === b.length && timingSafeEqual(a, b);
}

function invalidToken(): AppError {
  return new AppError("unauthenticated", "invalid or expired token");
}
