import { LRUCache } from "lru-cache";
import type { Principal } from "../../core/token.js";

/** A token that was found to be good. */
export interface Credential {
  readonly principal: Principal;
  /** `principal.expiresAt` in milliseconds since 1970; Infinity for never. */
  readonly endsAtMs: number;
  /** When its use was last noted, by the monotonic clock. */
  notedAtMs: number;
}

/** About 1 KiB each. */
const MAX_CREDENTIALS = 20_000;

/**
 * Tokens that were checked, by the hash of their raw key. Only good ones: a key that is unknown is looked up each time.
 *
 * Whoever commits the end of a token calls `forget` before the change is acknowledged, so nothing here works any longer than that. What
 * ends by time is the reader's to see: `endsAtMs`.
 */
export class TokenCache {
  readonly #credentials = new LRUCache<string, Credential>({ max: MAX_CREDENTIALS });
  readonly #told: ((isOver: (principal: Principal) => boolean, at: Date | null) => void)[] = [];
  #generation = 0;

  /** To be asked for before the token is read from the store: see `keep`. */
  get generation(): number {
    return this.#generation;
  }

  get(keyHash: string): Credential | undefined {
    return this.#credentials.get(keyHash);
  }

  /** Keeps what was read, unless something was forgotten since `generation`: the read may be from before that. */
  keep(credential: Credential, generation: number): void {
    if (generation === this.#generation) this.#credentials.set(credential.principal.keyHash, credential);
  }

  /** Has somebody told of each `forget`. Must not throw. */
  onForget(tell: (isOver: (principal: Principal) => boolean, at: Date | null) => void): void {
    this.#told.push(tell);
  }

  /** @param at when they are over; null for now */
  forget(isOver: (principal: Principal) => boolean, at: Date | null = null): void {
    this.#generation += 1;
    for (const tell of this.#told) tell(isOver, at);
    for (const [keyHash, { principal }] of this.#credentials.entries()) {
      if (isOver(principal)) this.#credentials.delete(keyHash);
    }
  }
}
