import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { RateState } from "./admission.js";

const WINDOW_SECONDS = 60;

/** What a count says. */
export interface RateCount {
  readonly state: RateState;
  /** More than the budget was used. */
  readonly exceeded: boolean;
}

/**
 * Requests a minute for each key, for a bounded number of keys.
 *
 * The library keeps every key for a minute, however many there are; this forgets the key that was not seen for longest when a
 * new one is one too many. A forgotten key starts afresh.
 */
export class RateTable {
  private readonly limiter: RateLimiterMemory;
  /** In the order in which they were last seen. */
  private readonly keys = new Set<string>();

  constructor(
    readonly limit: number,
    private readonly maxKeys: number,
  ) {
    this.limiter = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS, keyPrefix: "" });
  }

  get size(): number {
    return this.keys.size;
  }

  /** Counts one request. */
  async count(key: string): Promise<RateCount> {
    await this.touch(key);
    try {
      return { state: this.stateOf(await this.limiter.consume(key)), exceeded: false };
    } catch (thrown) {
      // The library rejects with its result, which is no Error.
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      return { state: this.stateOf(thrown), exceeded: true };
    }
  }

  /** What another request would meet, without counting it. */
  async look(key: string): Promise<RateCount> {
    const found = await this.limiter.get(key);
    // The library answers with a window that is over when its timer is late.
    if (found === null || found.msBeforeNext <= 0) return { state: this.fresh(), exceeded: false };
    if (this.keys.has(key)) await this.touch(key);
    return { state: this.stateOf(found), exceeded: found.remainingPoints <= 0 };
  }

  private async touch(key: string): Promise<void> {
    this.keys.delete(key);
    this.keys.add(key);
    if (this.keys.size <= this.maxKeys) return;
    const [oldest] = this.keys;
    if (oldest === undefined) return;
    this.keys.delete(oldest);
    await this.limiter.delete(oldest);
  }

  private fresh(): RateState {
    return { limit: this.limit, remaining: this.limit, resetSeconds: 0 };
  }

  private stateOf(result: RateLimiterRes): RateState {
    return {
      limit: this.limit,
      remaining: result.remainingPoints,
      resetSeconds: Math.ceil(Math.max(result.msBeforeNext, 0) / 1000),
    };
  }
}
