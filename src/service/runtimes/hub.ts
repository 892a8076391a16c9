import type { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { AppError } from "../../core/error.js";
import type { Moment } from "../access/freshness.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import type { WatchObserver } from "../changes/observers.js";
import { activationEvent, type WatchEvent } from "./watch.js";
import type { Wakeups } from "../changes/wakeups.js";
import type { Source, Subscriber } from "./subscriber.js";

/** The dependencies of a hub. */
export interface HubDeps {
  readonly active: ActiveBundles;
  readonly wakeups: Wakeups;
  readonly quota: EventLoopQuota;
  readonly observer: WatchObserver;
}

/** Between two reads while the database is away. */
const RETRY_MS = 500;

/**
 * The watches of one environment. A change is read once and offered to all of them, some in each turn of the event loop. A change that
 * comes meanwhile replaces it; subscribers that got the older one get the newer one in another round.
 */
export class Hub implements Source, Disposable {
  readonly #subscribers = new Set<Subscriber>();
  readonly #listening: Disposable;
  /** The newest sequence that was read. */
  #sequence = 0;
  /** What is being offered; null between rounds, so that a hub keeps no document. */
  #offered: WatchEvent | null = null;
  #isOvertaken = false;
  /** When the change that is being offered was committed, in the time of performance.now(). */
  #changedAtMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #heartbeat: WatchEvent = { kind: "heartbeat", sequence: 0, deploymentId: null, at: "", currentAt: null };

  constructor(
    private readonly environmentId: string,
    private readonly deps: HubDeps,
    private readonly onEmpty: () => void,
  ) {
    this.#listening = deps.wakeups.listen(environmentId, () => void this.#changed());
  }

  /** Before the subscriber reads what is active, or a change falls between. */
  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
  }

  delete(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.onEmpty();
  }

  isCurrent(cursor: number): boolean {
    return cursor >= this.#sequence;
  }

  catchUp(subscriber: Subscriber): void {
    if (subscriber.cursor === null || this.isCurrent(subscriber.cursor)) return;
    if (this.#offered === null) void this.#offerNewest(subscriber);
    else subscriber.offer(this.#offered);
  }

  heartbeat(sequence: number, deploymentId: string | null, now: Moment): WatchEvent {
    const last = this.#heartbeat;
    // In the life of a hub a sequence is one activation.
    if (last.kind === "heartbeat" && last.sequence === sequence && last.at === now.at) return last;
    return (this.#heartbeat = { kind: "heartbeat", sequence, deploymentId, ...now });
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
    clearTimeout(this.#retry);
  }

  #readLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#changed(), RETRY_MS).unref();
  }

  async #changed(): Promise<void> {
    const changedAtMs = performance.now();
    const active = await this.#read();
    if (active === null || active.deployment.sequence <= this.#sequence) return;
    this.#sequence = active.deployment.sequence;
    this.#changedAtMs = changedAtMs;
    const isOffering = this.#offered !== null;
    this.#offered = activationEvent(active);
    if (isOffering) this.#isOvertaken = true;
    else this.#offerAll();
  }

  #offerAll(): void {
    this.#isOvertaken = false;
    const offer = (subscriber: Subscriber) => {
      if (this.#offered !== null) subscriber.offer(this.#offered);
    };
    this.deps.quota.forEach(this.#subscribers, offer, () => {
      if (this.#isOvertaken) {
        this.#offerAll();
        return;
      }
      this.#offered = null;
      this.deps.observer.fed(performance.now() - this.#changedAtMs);
    });
  }

  async #offerNewest(subscriber: Subscriber): Promise<void> {
    const active = await this.#read();
    if (active !== null) subscriber.offer(activationEvent(active));
  }

  /**
   * Null when there is nothing to send; then the watches have ended, or are ended here because the bundle cannot be read. While the database
   * is away they stay open, and it is read again.
   */
  async #read(): Promise<ActiveBundle | null> {
    try {
      return await this.deps.active.read(this.environmentId);
    } catch (thrown) {
      const error = thrown instanceof AppError ? thrown : new AppError("internal", "internal error", { cause: thrown });
      if (error.code === "unavailable") {
        this.#readLater();
        return null;
      }
      for (const subscriber of this.#subscribers) subscriber.end(error);
      return null;
    }
  }
}
