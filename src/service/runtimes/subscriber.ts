import type { AppError } from "../../core/error.js";
import type { Moment } from "../access/freshness.js";
import type { LeaseOwner, Lease } from "../access/sessions.js";
import type { InstanceWatch } from "./instances.js";
import type { WatchEvent } from "./watch.js";
import type { Timed } from "../../core/schedule/timer-wheel.js";

/** The reader of a watch: one stream of some protocol. No method may throw. */
export interface WatchReader {
  /** Before anything else. */
  opened(subscription: Subscription): void;
  /** Takes an event. False when the next one must wait until `Subscription.ready` is called. */
  send(event: WatchEvent): boolean;
  /** Calls back when the client shows that it is alive; never where it has no way to. That it was sent something shows nothing. */
  ask(answered: () => void): void;
  /** The watch is over for this reason; after its first event only. */
  end(reason: AppError): void;
}

/** A watch that is open. */
export interface Subscription {
  /** The reader can take an event again. */
  ready(): void;
  /** The reader went away: nothing is sent any more. A second call does nothing. */
  close(): void;
}

/** Where a subscriber's events come from: the hub of its environment. */
export interface Source {
  /** Whether nothing newer than `cursor` waits to be offered. */
  isCurrent(cursor: number): boolean;
  /** Sends the newest to a subscriber that has not got it. */
  catchUp(subscriber: Subscriber): void;
  /** The heartbeat of a moment, the same object for all that are due together. */
  heartbeat(sequence: number, deploymentId: string | null, now: Moment): WatchEvent;
  delete(subscriber: Subscriber): void;
}

/** What the subscribers of all environments share. */
export interface PushContext {
  readonly heartbeatMs: number;
  /** So many more subscribers are behind; negative: fewer. */
  behind(change: number): void;
  join(subscriber: Subscriber): void;
  leave(subscriber: Subscriber): void;
  drain(subscriber: Subscriber): void;
}

/**
 * One watch: a cursor, and a mark when its reader is behind. There is no queue: a reader that is behind gets the newest when it is ready.
 */
export class Subscriber implements Subscription, LeaseOwner, Timed {
  /** The newest sequence that was sent; null before the first event. */
  cursor: number | null = null;
  /** Of the activation of that sequence; null while nothing is active. */
  deploymentId: string | null = null;
  dueAtMs = 0;
  slot = 0;
  lease: Lease | null = null;
  /** Why it is over. */
  reason: AppError | null = null;
  #isBehind = false;
  #isOver = false;

  constructor(
    private readonly context: PushContext,
    private readonly hub: Source,
    private readonly reader: WatchReader,
    /** Tells the fleet view of the instance; null when it does not name itself. */
    private readonly instance: InstanceWatch | null,
  ) {}

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends the answer to the request, and from now on what is newer. */
  begin(first: WatchEvent): void {
    this.#send(first);
    // Its reader may have gone while it was sent that: then it has left already.
    if (this.#isOver) return;
    this.context.join(this);
    this.hub.catchUp(this);
  }

  /** Sends the event that it does not have, if it is ready. */
  offer(event: WatchEvent): void {
    if (this.#isOver || this.#isBehind || this.cursor === null || event.sequence <= this.cursor) return;
    this.#send(event);
  }

  /** A heartbeat is due. A reader that is behind needs none: it has an event to read. */
  beat(now: Moment): void {
    if (this.#isOver || this.cursor === null) return;
    this.dueAtMs = performance.now() + this.context.heartbeatMs;
    const { instance } = this;
    if (instance !== null) this.reader.ask(() => this.#alive(instance));
    if (!this.#isBehind && this.hub.isCurrent(this.cursor)) {
      this.#send(this.hub.heartbeat(this.cursor, this.deploymentId, now));
    }
    if (!this.#isOver) this.context.join(this);
  }

  ready(): void {
    this.#fallBehind(false);
    if (!this.#isOver) this.hub.catchUp(this);
  }

  end(reason: AppError): void {
    if (this.#isOver) return;
    const hasBegun = this.cursor !== null;
    this.reason = reason;
    this.close();
    if (hasBegun) this.context.drain(this);
  }

  /** Tells the reader. */
  startDrain(): void {
    if (this.reason !== null) this.reader.end(this.reason);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fallBehind(false);
    this.hub.delete(this);
    this.context.leave(this);
    this.instance?.ended(this.reason?.code === "unavailable");
    this.lease?.[Symbol.dispose]();
  }

  /** The answer to a ping may come after the end. */
  #alive(instance: InstanceWatch): void {
    if (!this.#isOver) instance.seen();
  }

  #send(event: WatchEvent): void {
    this.cursor = event.sequence;
    this.deploymentId = event.deploymentId;
    this.dueAtMs = performance.now() + this.context.heartbeatMs;
    this.#fallBehind(!this.reader.send(event));
  }

  #fallBehind(isBehind: boolean): void {
    // A reader that went away while it was sent something counts no more.
    const isCounted = isBehind && !this.#isOver;
    if (isCounted !== this.#isBehind) this.context.behind(isCounted ? 1 : -1);
    this.#isBehind = isCounted;
  }
}
