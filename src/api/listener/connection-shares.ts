import type { Principal } from "../../core/token.js";

/** The token that a connection is counted for. */
export type ShareToken = Pick<Principal, "tokenId" | "keyType">;

/** One part in so many of all connections stays for those without a token, and as much again for admins. */
const KEPT_PART = 20;

/** The most that one token may have of all connections, in per cent. */
const TOKEN_PERCENT = 80;

/**
 * Limits the authenticated connections, which are never evicted: all together, those of runtimes and CI, and those of each token. A
 * connection over its share counts as unauthenticated, and may be evicted.
 */
export class ConnectionShares {
  readonly #perToken = new Map<number, number>();
  readonly #maxKnown: number;
  readonly #maxOthers: number;
  readonly #maxPerToken: number;
  #known = 0;
  /** Not of admins. */
  #others = 0;

  constructor(maxConnections: number, maxConnectionsPerToken: number) {
    const kept = Math.max(1, Math.floor(maxConnections / KEPT_PART));
    this.#maxKnown = Math.max(1, maxConnections - kept);
    this.#maxOthers = Math.max(1, maxConnections - 2 * kept);
    this.#maxPerToken = Math.min(maxConnectionsPerToken, Math.ceil((maxConnections * TOKEN_PERCENT) / 100));
  }

  /** False, and nothing was taken, when a share is used up. */
  take({ tokenId, keyType }: ShareToken): boolean {
    const ofToken = this.#perToken.get(tokenId) ?? 0;
    if (this.#known >= this.#maxKnown || ofToken >= this.#maxPerToken) return false;
    if (keyType !== "admin" && this.#others >= this.#maxOthers) return false;
    this.#change({ tokenId, keyType }, 1);
    return true;
  }

  giveBack(token: ShareToken): void {
    this.#change(token, -1);
  }

  #change({ tokenId, keyType }: ShareToken, change: 1 | -1): void {
    this.#known += change;
    if (keyType !== "admin") this.#others += change;
    const ofToken = (this.#perToken.get(tokenId) ?? 0) + change;
    if (ofToken === 0) this.#perToken.delete(tokenId);
    else this.#perToken.set(tokenId, ofToken);
  }
}
