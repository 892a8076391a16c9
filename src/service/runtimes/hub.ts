import type { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import type { Deployment } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { Moment } from "../access/freshness.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import type { WatchObserver } from "../changes/observers.js";
import { activationEvent, type WatchEvent } from "./watch.js";
import type { Wakeups } from "../changes/wakeups.js";
import type { Proof, Proofs } from "../trust/proofs.js";
import { proofOf } from "./proof-of.js";
import type { RootUpdates } from "./root-updates.js";
import type { Source, Subscriber } from "./subscriber.js";

/** The dependencies of a hub. */
export interface HubDeps {
  readonly active: ActiveBundles;
  readonly proofs: Proofs;
  readonly roots: RootUpdates;
  readonly wakeups: Wakeups;
  readonly quota: EventLoopQuota;
  readonly observer: WatchObserver;
}

/** Between two reads while the database is away. */
const RETRY_MS = 500;

/** Events of roots that are kept for those that need the same ones. */
const MAX_ROOT_EVENTS = 64;

/** The environment that a hub is of. */
export interface HubEnvironment {
  readonly id: string;
  readonly projectId: string;
}

type Heartbeat = Extract<WatchEvent, { kind: "heartbeat" }>;

const NO_HEARTBEAT: Heartbeat = {
  kind: "heartbeat",
  ...{ sequence: 0, deploymentId: null, proof: null, at: "", currentAt: null },
};

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
  /** What is active; null for nothing, undefined before it was read. */
  #deployment: Deployment | null | undefined;
  /** The newest version of the root document that streams were offered. */
  #rootVersion = 0;
  #heartbeat = NO_HEARTBEAT;
  /** The heartbeat for those that do not know the lease. */
  #proven = NO_HEARTBEAT;
  readonly #rootEvents = new Map<number, WatchEvent>();
  /** Those that are told of the new lease as soon as it is made; null while none is made. */
  #renewing: Set<Subscriber> | null = null;

  constructor(
    private readonly environment: HubEnvironment,
    private readonly deps: HubDeps,
    private readonly onEmpty: () => void,
  ) {
    this.#listening = deps.wakeups.listen(environment.id, () => void this.#changed());
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

  heartbeat(sequence: number, deploymentId: string | null, now: Moment, proof: Proof | null): WatchEvent {
    const last = proof === null ? this.#heartbeat : this.#proven;
    // In the life of a hub a sequence is one activation.
    if (last.sequence === sequence && last.at === now.at && last.proof === proof) return last;
    const made: Heartbeat = { kind: "heartbeat", sequence, deploymentId, proof, ...now };
    if (proof === null) return (this.#heartbeat = made);
    return (this.#proven = made);
  }

  rootEvent(root: TrustRoot, sequence: number, deploymentId: string | null): WatchEvent {
    const last = this.#rootEvents.get(root.version);
    const isIt = last?.kind === "trust_root" && last.root === root;
    if (isIt && last.sequence === sequence && last.deploymentId === deploymentId) return last;
    const made: WatchEvent = { kind: "trust_root", sequence, deploymentId, root, proof: null };
    if (this.#rootEvents.size >= MAX_ROOT_EVENTS) this.#rootEvents.clear();
    this.#rootEvents.set(root.version, made);
    return made;
  }

  /** What was read when a watch was opened. */
  learn(active: ActiveBundle | null): void {
    const { deployment = null } = active ?? {};
    if ((deployment?.sequence ?? 0) >= (this.#deployment?.sequence ?? 0)) this.#deployment = deployment;
  }

  proofFor(subscriber: Subscriber): Proof | null {
    const deployment = this.#deployment;
    // Something newer is on its way.
    if (deployment === undefined || (deployment?.sequence ?? 0) !== subscriber.cursor) return null;
    const proof = this.deps.proofs.peek(this.environment.id, deployment);
    if (proof !== undefined) return proof;
    if (this.#renewing === null) void this.#renew(deployment, (this.#renewing = new Set([subscriber])));
    else this.#renewing.add(subscriber);
    return null;
  }

  giveRoots(subscriber: Subscriber, newest: number): void {
    const reading = this.deps.roots.after(this.environment.projectId, subscriber.root, newest);
    // When they cannot be read now, they are at its next heartbeat.
    void reading.catch(() => []).then((roots) => subscriber.takeRoots(roots));
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
    const read = await this.#read();
    if (read === null) return;
    const { active, proof } = read;
    this.learn(active);
    if (active !== null && active.deployment.sequence > this.#sequence) {
      this.#sequence = active.deployment.sequence;
      this.#changedAtMs = changedAtMs;
      const isOffering = this.#offered !== null;
      this.#offered = activationEvent(active, proof);
      if (isOffering) this.#isOvertaken = true;
      else this.#offerAll();
    }
    if (proof !== null) this.#offerRoots(proof);
  }

  /** A root was published: those that want it get it now, and a lease by it. The others are told of that at their next heartbeat. */
  #offerRoots(proof: Proof): void {
    if (proof.rootVersion <= this.#rootVersion) return;
    this.#rootVersion = proof.rootVersion;
    this.deps.quota.forEach(this.#subscribers, (subscriber) => {
      if (subscriber.root !== 0) subscriber.renewed(proof);
    });
  }

  async #renew(deployment: Deployment | null, due: Set<Subscriber>): Promise<void> {
    // Who ends the watches of an environment that was deleted is its deletion.
    const proof = await proofOf(this.deps.proofs, this.environment.id, deployment).catch(() => null);
    this.#renewing = null;
    if (proof !== null) this.deps.quota.forEach(due, (subscriber) => subscriber.renewed(proof));
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
    const read = await this.#read();
    if (read === null || read.active === null) return;
    subscriber.offer(activationEvent(read.active, read.proof));
  }

  /**
   * What is active, and its proof. Null when it cannot be read: then the watches have ended, or are ended here. While the database is away they
   * stay open, and it is read again.
   */
  async #read(): Promise<{ readonly active: ActiveBundle | null; readonly proof: Proof | null } | null> {
    try {
      const active = await this.deps.active.read(this.environment.id);
      const proof = await proofOf(this.deps.proofs, this.environment.id, active?.deployment ?? null);
      return { active, proof };
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
