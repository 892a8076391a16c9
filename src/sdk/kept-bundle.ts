import type { BundleCache, CachedActivation } from "./bundle-cache.js";

/** A cache is told this often that what it has is still current. */
const CONFIRM_MS = 10 * 60_000;

/** A clock that was wrong for a moment is no reason to refuse a bundle. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** A bundle that was kept, and how old the word is that it is the active one. */
export interface RestoredBundle {
  readonly activation: CachedActivation;
  readonly ageMs: number;
  /** Why it is not to be applied; null when it may be. */
  readonly tooOld: string | null;
}

/** What a watch keeps for its next start: the last good activation, and when the server last said that it is current. */
export class KeptBundle {
  #held: CachedActivation | null = null;
  #confirmedAtMs = 0;
  readonly #confirmMs: number;

  constructor(
    private readonly cache: BundleCache | undefined,
    private readonly maxAgeMs: number | undefined,
  ) {
    this.#confirmMs = Math.min(CONFIRM_MS, (maxAgeMs ?? Infinity) / 4);
  }

  /** What was kept; null when there is nothing. Rejects when the cache does. */
  async restore(): Promise<RestoredBundle | null> {
    const activation = (await this.cache?.load()) ?? null;
    if (activation === null) return null;
    this.#held = activation;
    // What was kept before there was such a time is taken to be as old as its activation.
    const sinceMs = Date.now() - Date.parse(activation.confirmedAt ?? activation.activatedAt);
    return { activation, ageMs: Math.max(sinceMs, 0), tooOld: this.#tooOld(sinceMs) };
  }

  /** Keeps a good activation. Rejects when the cache does. */
  async keep(activation: CachedActivation): Promise<void> {
    this.#held = activation;
    await this.#store(activation);
  }

  /** The server says that this sequence is current. Rejects when the cache does. */
  async confirm(sequence: number): Promise<void> {
    if (this.#held?.sequence !== sequence) return;
    if (Math.abs(Date.now() - this.#confirmedAtMs) >= this.#confirmMs) await this.#store(this.#held);
  }

  async #store(activation: CachedActivation): Promise<void> {
    this.#confirmedAtMs = Date.now();
    await this.cache?.store({ ...activation, confirmedAt: new Date(this.#confirmedAtMs).toISOString() });
  }

  #tooOld(sinceMs: number): string | null {
    if (this.maxAgeMs === undefined) return null;
    if (sinceMs > this.maxAgeMs) {
      return `the server last confirmed it ${seconds(sinceMs)} s ago, and it may be ${seconds(this.maxAgeMs)} s old`;
    }
    // Also when there is no such time: NaN.
    if (sinceMs >= -CLOCK_TOLERANCE_MS) return null;
    return "its age is unknown: by this clock the server confirmed it in the future";
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
