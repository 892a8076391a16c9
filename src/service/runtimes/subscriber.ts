import type { AppError } from "../../core/error.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { Moment } from "../access/freshness.js";
import type { LeaseOwner, Lease } from "../access/sessions.js";
import type { Proof } from "../trust/proofs.js";
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
  /** The heartbeat of a moment, the same object for all that are due together. `proof` is null for those that know the lease. */
  heartbeat(sequence: number, deploymentId: string | null, now: Moment, proof: Proof | null): WatchEvent;
  /** The newest version of a root document, the same object for all that have the same cursor. */
  rootEvent(root: TrustRoot, sequence: number, deploymentId: string | null): WatchEvent;
  /**
   * What proves that this subscriber has what is active; null when there is nothing that does. While a new lease is due, too: then the
   * subscriber is told of it as soon as it is made.
   */
  proofFor(subscriber: Subscriber): Proof | null;
  /** Reads the versions of the root document up to `newest` that this subscriber lacks, and has it take them. */
  giveRoots(subscriber: Subscriber, newest: number): void;
  delete(subscriber: Subscriber): void;
}

/** What the subscribers of all environments share. */
export interface PushContext {
  readonly heartbeatMs: number;
  moment(): Moment;
  /** So many more subscribers are behind; negative: fewer. */
  behind(change: number): void;
  join(subscriber: Subscriber): void;
  leave(subscriber: Subscriber): void;
  drain(subscriber: Subscriber): void;
}

/**
 * One watch: a cursor, and a mark when its reader is behind. There is no queue: a reader that is behind gets the newest when it is ready. Only
 * versions of the root document wait for it one by one, since none of them replaces another.
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
  /** What goes before anything else; null for nothing. */
  #queue: WatchEvent[] | null = null;
  /** Names the lease that it was told last. Not the proof itself, with which frames are kept. */
  #lease = "";
  /** It was sent roots, and a lease by the newest of them has to follow. */
  #owesLease = false;
  #awaitsRoots = false;

  constructor(
    private readonly context: PushContext,
    private readonly hub: Source,
    private readonly reader: WatchReader,
    /** Tells the fleet view of the instance; null when it does not name itself. */
    private readonly instance: InstanceWatch | null,
    /** The version of the root document that it has; 0 when it wants none. */
    private rootVersion: number,
  ) {}

  /** The version of the root document that it has; 0 when it wants none. */
  get root(): number {
    return this.rootVersion;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends the answer to the request, after the roots that it lacks, and from now on what is newer. */
  begin(first: WatchEvent, roots: readonly WatchEvent[] = []): void {
    const [root] = roots;
    if (root === undefined) this.#send(first);
    else {
      this.cursor = root.sequence;
      this.#queue = [...roots, first];
      this.#flush();
    }
    // Its reader may have gone while it was sent that: then it has left already.
    if (this.#isOver) return;
    this.context.join(this);
    // A root may have been published since the roots were read.
    this.#owesLease = this.rootVersion !== 0;
    this.#proceed();
  }

  /** Sends the event that it does not have, if it is ready. */
  offer(event: WatchEvent): void {
    if (!this.#isReady || this.cursor === null || event.sequence <= this.cursor) return;
    if (!this.#lacksRoots(event.proof)) this.#send(event);
  }

  /** A heartbeat is due. A reader that is behind needs none: it has an event to read. */
  beat(now: Moment): void {
    if (this.#isOver || this.cursor === null) return;
    this.dueAtMs = performance.now() + this.context.heartbeatMs;
    const { instance } = this;
    if (instance !== null) this.reader.ask(() => this.#alive(instance));
    if (this.#isReady) {
      if (this.hub.isCurrent(this.cursor)) this.#sendHeartbeat(this.cursor, now, this.hub.proofFor(this));
      // The roots that it lacks could not be read.
      else if (this.rootVersion !== 0) this.hub.catchUp(this);
    }
    if (!this.#isOver) this.context.join(this);
  }

  /** There is a new lease: sends it, if it is ready and has what the lease is about. */
  renewed(proof: Proof): void {
    if (!this.#isReady || this.cursor !== proof.sequence || !this.hub.isCurrent(this.cursor)) return;
    if (this.#lacksRoots(proof) || proof.header === this.#lease) return;
    this.#sendHeartbeat(this.cursor, this.context.moment(), proof);
  }

  /** Sends those of these versions of the root document that it lacks, one by one, and then a lease by the newest. */
  takeRoots(roots: readonly TrustRoot[]): void {
    this.#awaitsRoots = false;
    const { cursor, deploymentId } = this;
    const lacking = roots.filter(({ version }) => version > this.rootVersion);
    if (this.#isOver || cursor === null || this.#queue !== null || lacking.length === 0) return;
    this.#queue = lacking.map((root) => this.hub.rootEvent(root, cursor, deploymentId));
    // Of one that it was told before them it could make nothing.
    this.#lease = "";
    this.#owesLease = true;
    this.#proceed();
  }

  ready(): void {
    this.#fallBehind(false);
    this.#proceed();
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

  get #isReady(): boolean {
    return !this.#isOver && !this.#isBehind && this.#queue === null;
  }

  /** Whether roots have to come before what this proves; then they are on their way. */
  #lacksRoots(proof: Proof | null): boolean {
    if (proof === null || this.rootVersion === 0 || proof.rootVersion <= this.rootVersion) return false;
    if (!this.#awaitsRoots) {
      this.#awaitsRoots = true;
      this.hub.giveRoots(this, proof.rootVersion);
    }
    return true;
  }

  /** Sends what waits, then what is newer. */
  #proceed(): void {
    this.#flush();
    if (!this.#isReady || this.cursor === null) return;
    this.hub.catchUp(this);
    if (!this.#owesLease || !this.#isReady || !this.hub.isCurrent(this.cursor)) return;
    this.#owesLease = false;
    const proof = this.hub.proofFor(this);
    if (proof !== null) this.renewed(proof);
  }

  #flush(): void {
    while (this.#queue !== null && !this.#isBehind && !this.#isOver) {
      const next = this.#queue.shift();
      if (this.#queue.length === 0) this.#queue = null;
      if (next !== undefined) this.#send(next);
    }
  }

  #sendHeartbeat(cursor: number, now: Moment, proof: Proof | null): void {
    const isNews = proof !== null && proof.header !== this.#lease && !this.#lacksRoots(proof);
    this.#send(this.hub.heartbeat(cursor, this.deploymentId, now, isNews ? proof : null));
  }

  #send(event: WatchEvent): void {
    this.cursor = event.sequence;
    this.deploymentId = event.deploymentId;
    if (event.proof !== null) this.#lease = event.proof.header;
    if (event.kind === "trust_root") this.rootVersion = event.root.version;
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
