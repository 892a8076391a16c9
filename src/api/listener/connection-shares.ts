import type { Principal } from "../../core/token.js";

/** A token's place among those that are known. */
export type KnownToken = Pick<Principal, "tokenId" | "keyType">;

/** Places that stay for who has shown no token, probes and whoever comes next, and as many again for admins; a part of all places. */
const KEPT_PART = 20;

/** The part of all places that one token may have at most, in per cent. */
const TOKEN_PERCENT = 80;

/**
 * How many connections may be known, and so are never closed for others: fewer than there are places, fewer still of runtimes and CI, and
 * of each token. What is over a share stays among those without a token, of which the oldest makes room.
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
  take({ tokenId, keyType }: KnownToken): boolean {
    const ofToken = this.#perToken.get(tokenId) ?? 0;
    if (this.#known >= this.#maxKnown || ofToken >= this.#maxPerToken) return false;
    if (keyType !== "admin" && this.#others >= this.#maxOthers) return false;
    this.#change({ tokenId, keyType }, 1);
    return true;
  }

  giveBack(token: KnownToken): void {
    this.#change(token, -1);
  }

  #change({ tokenId, keyType }: KnownToken, change: 1 | -1): void {
    this.#known += change;
    if (keyType !== "admin") this.#others += change;
    const ofToken = (this.#perToken.get(tokenId) ?? 0) + change;
    if (ofToken === 0) this.#perToken.delete(tokenId);
    else this.#perToken.set(tokenId, ofToken);
  }
}
