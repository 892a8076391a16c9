import { LRUCache } from "lru-cache";
import type { Principal } from "../../core/token.js";

/** A verified token. */
export interface Credential {
  readonly principal: Principal;
  /** `principal.expiresAt` in milliseconds since 1970; Infinity for never. */
  readonly endsAtMs: number;
  /** When its use was last noted, in milliseconds of the monotonic clock. */
  notedAtMs: number;
}

/** About 1 KiB each. */
const MAX_CREDENTIALS = 20_000;

/**
 * Verified tokens by the hash of their raw key. Unknown keys are not cached: they are looked up each time.
 *
 * A change that ends tokens calls `forget` before it is acknowledged, so no entry is valid longer than that. Readers check expiry
 * themselves: `endsAtMs`.
 */
export class TokenCache {
  readonly #credentials = new LRUCache<string, Credential>({ max: MAX_CREDENTIALS });
  readonly #told: ((isOver: (principal: Principal) => boolean, at: Date | null) => void)[] = [];
  #generation = 0;

  /** Read it before the token is read from the store: see `keep`. */
  get generation(): number {
    return this.#generation;
  }

  /** The verified token with a key hash; check `endsAtMs`. */
  get(keyHash: string): Credential | undefined {
    return this.#credentials.get(keyHash);
  }

  /** Stores a verified token, unless `forget` was called since `generation`: the token may have been read before that. */
  keep(credential: Credential, generation: number): void {
    if (generation === this.#generation) this.#credentials.set(credential.principal.keyHash, credential);
  }

  /** Forgets tokens that may have changed, so that they are read again; null for all. Tells nobody: they may be as they were. */
  drop(tokenIds: ReadonlySet<number> | null): void {
    this.#generation += 1;
    if (tokenIds === null) {
      this.#credentials.clear();
      return;
    }
    for (const [keyHash, { principal }] of this.#credentials.entries()) {
      if (tokenIds.has(principal.tokenId)) this.#credentials.delete(keyHash);
    }
  }

  /** Registers a listener of each `forget`; it must not throw. */
  onForget(tell: (isOver: (principal: Principal) => boolean, at: Date | null) => void): void {
    this.#told.push(tell);
  }

  /** Removes the tokens for which `isOver`. @param at when they end; null for now */
  forget(isOver: (principal: Principal) => boolean, at: Date | null = null): void {
    this.#generation += 1;
    for (const tell of this.#told) tell(isOver, at);
    for (const [keyHash, { principal }] of this.#credentials.entries()) {
      if (isOver(principal)) this.#credentials.delete(keyHash);
    }
  }
}
