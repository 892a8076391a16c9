import { nextTurn } from "../../core/schedule/in-steps.js";
import { LIVE_SECONDS } from "../../core/runtime-instance.js";

/** Instances that are looked at in one turn of the event loop: about a millisecond when all are renewed. */
const PER_TURN = 500;

/** An instance with at least one open watch. */
interface Open {
  watches: number;
  /** Until when it is live by what was handed over to be written: milliseconds since 1970. */
  liveUntilMs: number;
  /** Hands over that it is live. */
  readonly renew: () => void;
}

/**
 * The instances that have a watch open in this process. It costs a named watch one entry of a map. Watches over HTTP/1.1 show no sign
 * of life: `renew` keeps those live as long as they are open.
 */
export class Presence {
  readonly #open = new Map<string, Open>();

  /** @param connection names this process in the database. */
  constructor(readonly connection: string) {}

  /** A watch of an instance was opened. A second one, for example of a reconnect, may overlap with the first. */
  open(key: string, renew: () => void): void {
    const open = this.#open.get(key);
    if (open === undefined) this.#open.set(key, { watches: 1, liveUntilMs: 0, renew });
    else open.watches += 1;
  }

  /** A watch ended. True when it was the last one of its instance. */
  close(key: string): boolean {
    const open = this.#open.get(key);
    if (open === undefined) return false;
    open.watches -= 1;
    if (open.watches > 0) return false;
    return this.#open.delete(key);
  }

  /** What is kept with an instance: this process when it has a watch of it open, else null. */
  connectionOf(key: string): string | null {
    return this.#open.has(key) ? this.connection : null;
  }

  /** It was handed over that an instance is live until this time. */
  keptUntil(key: string, atMs: number): void {
    const open = this.#open.get(key);
    if (open !== undefined) open.liveUntilMs = atMs;
  }

  /** Another node is kept as the one that has a watch of it open: it is renewed the next time, lest it ends with that watch. */
  foundElsewhere(key: string): void {
    this.keptUntil(key, 0);
  }

  /** Renews those that would soon not be live any more, some in each turn of the event loop. Called about once a minute. */
  async renew(nowMs: number): Promise<void> {
    const soonMs = nowMs + (LIVE_SECONDS * 1000) / 2;
    let looked = 0;
    for (const { liveUntilMs, renew } of this.#open.values()) {
      if (liveUntilMs < soonMs) renew();
      looked += 1;
      if (looked % PER_TURN === 0) await nextTurn();
    }
  }
}
