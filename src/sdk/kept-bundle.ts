import type { BundleCache, CachedActivation } from "./bundle-cache.js";

/** How often the cache is told that its bundle is still current. */
const CONFIRM_MS = 10 * 60_000;

/** Tolerates a clock that was briefly wrong. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** A cached bundle, and the age of its last confirmation by the server. */
export interface RestoredBundle {
  readonly activation: CachedActivation;
  readonly ageMs: number;
  /** Why it must not be applied; null if it may be. */
  readonly tooOld: string | null;
}

/** The cache of a watch for its next start: the last verified activation, and when the server last confirmed it. */
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

  /** The cached bundle, or null. Rejects if the cache does. */
  async restore(): Promise<RestoredBundle | null> {
    const activation = (await this.cache?.load()) ?? null;
    if (activation === null) return null;
    this.#held = activation;
    // Caches of older versions have no such time: the activation counts.
    const sinceMs = Date.now() - Date.parse(activation.confirmedAt ?? activation.activatedAt);
    return { activation, ageMs: Math.max(sinceMs, 0), tooOld: this.#tooOld(sinceMs) };
  }

  /** Stores a verified activation. Rejects if the cache does. */
  async keep(activation: CachedActivation): Promise<void> {
    this.#held = activation;
    await this.#store(activation);
  }

  /** Notes that the server confirmed this sequence. Rejects if the cache does. */
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
      return `the server last confirmed it ${seconds(sinceMs)} s ago; the limit is ${seconds(this.maxAgeMs)} s`;
    }
    // Also when there is no such time: NaN.
    if (sinceMs >= -CLOCK_TOLERANCE_MS) return null;
    return "its age is unknown: by this clock the server confirmed it in the future";
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
