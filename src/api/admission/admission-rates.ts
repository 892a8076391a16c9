import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { systemClock, type Clock } from "../../core/clock.js";
import type { RateState } from "./admission.js";

const WINDOW_SECONDS = 60;

/** The result of a count. */
export interface RateCount {
  readonly state: RateState;
  /** More than the budget was used. */
  readonly exceeded: boolean;
}

/** What the last count of a key said. */
interface Window {
  readonly remaining: number;
  /** By the monotonic clock: the time of day may be set back by hours. */
  readonly endsAtMs: number;
}

/**
 * Requests a minute for each key, for a bounded number of keys.
 *
 * The library keeps every key for a minute, however many there are; this forgets the key that was not seen for longest when a
 * new one is one too many. A forgotten key starts afresh. It also keeps the last result, since a look at the library's own
 * is a promise, and polls look each time.
 */
export class RateTable {
  private readonly limiter: RateLimiterMemory;
  /** In the order in which they were last seen. */
  private readonly windows = new Map<string, Window>();

  constructor(
    readonly limit: number,
    private readonly maxKeys: number,
    private readonly clock: Pick<Clock, "monotonicMs"> = systemClock,
  ) {
    this.limiter = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS, keyPrefix: "" });
  }

  get size(): number {
    return this.windows.size;
  }

  /** Counts one request. */
  async count(key: string): Promise<RateCount> {
    const { result, exceeded } = await this.consume(key);
    // The library goes by the time of day.
    const leftMs = Math.min(result.msBeforeNext, WINDOW_SECONDS * 1000);
    const window = { remaining: result.remainingPoints, endsAtMs: this.clock.monotonicMs() + leftMs };
    this.windows.delete(key);
    this.windows.set(key, window);
    if (this.windows.size > this.maxKeys) await this.forgetOldest();
    return { state: this.stateOf(window), exceeded };
  }

  /** What another request would meet, without counting it. */
  look(key: string): RateCount {
    const window = this.windows.get(key);
    if (window === undefined || window.endsAtMs <= this.clock.monotonicMs())
      return { state: this.fresh, exceeded: false };
    this.windows.delete(key);
    this.windows.set(key, window);
    return { state: this.stateOf(window), exceeded: window.remaining <= 0 };
  }

  private async consume(key: string): Promise<{ result: RateLimiterRes; exceeded: boolean }> {
    try {
      return { result: await this.limiter.consume(key), exceeded: false };
    } catch (thrown) {
      // The library rejects with its result, which is no Error.
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      return { result: thrown, exceeded: true };
    }
  }

  private async forgetOldest(): Promise<void> {
    const [oldest] = this.windows.keys();
    if (oldest === undefined) return;
    this.windows.delete(oldest);
    await this.limiter.delete(oldest);
  }

  private get fresh(): RateState {
    return { limit: this.limit, remaining: this.limit, resetSeconds: 0 };
  }

  private stateOf({ remaining, endsAtMs }: Window): RateState {
    const leftMs = Math.max(endsAtMs - this.clock.monotonicMs(), 0);
    return { limit: this.limit, remaining, resetSeconds: Math.ceil(leftMs / 1000) };
  }
}
