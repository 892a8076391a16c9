import type { Instant } from "../../core/clock.js";
import type { Store } from "../../store/store.js";

/** Collects the times of last use and writes them periodically: a write for each request would cost more than the request. */
export class TokenUse {
  readonly #seen = new Map<number, Instant>();

  constructor(private readonly store: Store) {}

  /** Notes a use, to the minute, so that a busy token is written once a minute. */
  seen(tokenId: number, lastUsedAt: Instant | null, now: Instant): void {
    const minute = `${now.slice(0, 16)}:00.000Z`;
    if (lastUsedAt === null || lastUsedAt < minute) this.#seen.set(tokenId, minute);
  }

  /** Writes the noted uses. Called every few seconds and at shutdown. */
  async flush(): Promise<void> {
    if (this.#seen.size === 0) return;
    const byMinute = new Map<Instant, number[]>();
    for (const [id, minute] of this.#seen) byMinute.set(minute, [...(byMinute.get(minute) ?? []), id]);
    const noted = new Map(this.#seen);
    this.#seen.clear();
    try {
      await this.#write(byMinute);
    } catch (thrown) {
      for (const [id, minute] of noted) if (!this.#seen.has(id)) this.#seen.set(id, minute);
      throw thrown;
    }
  }

  async #write(byMinute: ReadonlyMap<Instant, readonly number[]>): Promise<void> {
    await this.store.write(async (tx) => {
      for (const [minute, ids] of byMinute) await tx.touchTokens(ids, minute);
    });
  }
}
