import { setMaxListeners } from "node:events";
import { instantOf, wasSetBackSince, type Clock, type Instant } from "../../core/clock.js";
import type { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import type { Semaphore } from "../../core/schedule/semaphore.js";
import { sleep, waitFor } from "../../core/schedule/wait.js";
import type { Tracing } from "../../core/trace.js";
import type { Delivery, Webhook } from "../../core/webhook.js";
import { matchesEvent } from "../../outbound/event-types.js";
import type { Store } from "../../store/store.js";
import type { CatchUp } from "./catch-up.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import { DeliveryLanes } from "./delivery-lanes.js";
import { sendTraced } from "./traced-send.js";
import type { WebhookClaims } from "./webhook-claims.js";
import { isDelivered, type WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";
import { WORKER_LIMITS, workerState, type WorkerLimits } from "./worker-state.js";

/** What all workers share. */
export interface WorkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly sender: WebhookSender;
  readonly outcomes: WebhookOutcomes;
  readonly catchUp: CatchUp;
  readonly claims: Pick<WebhookClaims, "tenure">;
  /** For work of low priority (see worker-state.ts). */
  readonly lowPriority: EventLoopQuota;
  /** Attempts at endpoints whose circuit is open, so that many silent ones do not hold everything. */
  readonly probes: Semaphore;
  readonly tracing: Tracing;
  readonly onError: (error: unknown) => void;
}

/** With so many deliveries waiting, a webhook is live no more. */
export const FULL = 100;
/** After a failure of our own (the database is busy), before the next look. */
const PAUSE_MS = 1_000;
/** Every end of an attempt wakes the worker before this, and a clock that is set is seen after it. */
const MAX_WAIT_MS = 60_000;

/**
 * Sends the deliveries of one webhook: starts those that are due, and waits until there may be more. How much it takes on is its
 * state's to say (worker-state.ts), which is derived from the webhook and its circuit breaker each time that it is asked for.
 */
export class WebhookWorker {
  readonly #breaker: CircuitBreaker;
  readonly #lanes: DeliveryLanes;
  readonly #stopping = new AbortController();
  readonly #signal = this.#stopping.signal;
  readonly #isClaimed: () => boolean;
  #webhook: Webhook | null;
  #hasLooked = false;
  #isWoken = true;
  #endWait: () => void = () => {};

  /** @param known the webhook as it was just read, where it was: one that is live need not wait to be read again */
  constructor(
    private readonly orgId: string,
    private readonly webhookId: string,
    private readonly deps: WorkerDeps,
    known: Webhook | null,
  ) {
    this.#webhook = known;
    this.#isClaimed = deps.claims.tenure(webhookId);
    this.#breaker = new CircuitBreaker(deps.clock);
    this.#lanes = new DeliveryLanes({
      attempt: (delivery) => this.#attempt(delivery),
      goesOn: () => {
        // The next ones can be read before this lane has ended.
        if (this.#lanes.size <= WORKER_LIMITS.live.queued / 2) this.wake();
        return !this.#signal.aborted && !this.#breaker.isOpen;
      },
      ended: () => this.wake(),
    });
    // Each attempt listens to it: there is no number of listeners from which on it would be a leak.
    setMaxListeners(0, this.#signal);
  }

  /** Ends it and its attempts with this reason. */
  stop(reason: Error): void {
    this.#stopping.abort(reason);
  }

  /** Ends it when this node has lost the webhook, which counts as woken: the node may claim it again. Returns whether it goes on. */
  checkClaim(): boolean {
    if (this.#isClaimed()) return true;
    this.#isWoken = true;
    this.stop(new Error("the claim has ended"));
    return false;
  }

  /** There may be more to send. The pause of an open circuit is not cut short by it. */
  wake(): void {
    this.#isWoken = true;
    this.#endWait();
  }

  /** The webhook was changed, or deliveries are to be sent again: its circuit is closed, and due deliveries are read now. */
  changed(): void {
    this.#breaker.reset();
    this.wake();
  }

  /** There are new events of these types. Live webhooks were told already of the deliveries that this node made of them. */
  fannedOut(types: ReadonlySet<string>, byOthers: boolean): void {
    const webhook = this.#webhook;
    if (webhook === null) return this.wake();
    if ((byOthers || webhook.outboxCursor !== null) && [...types].some((type) => matchesEvent(webhook.events, type)))
      this.wake();
  }

  /** It was woken since it last looked. */
  get isWoken(): boolean {
    return this.#isWoken;
  }

  /** So much waits that the next events had better wait in the outbox. */
  get isFull(): boolean {
    return this.#lanes.size >= FULL;
  }

  /** Resolves when nothing is left to send, the webhook is deleted or off, or it is stopped. Never rejects. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        this.#isWoken = false;
        const waitMs = this.#breaker.pauseMs() > 0 ? 0 : await this.#look();
        if (waitMs === null) return;
        await this.#wait(waitMs);
      } catch (error) {
        if (this.#signal.aborted) return;
        this.deps.onError(error);
        await sleep(PAUSE_MS, this.#signal);
      }
    }
  }

  /** Starts deliveries that are due. Resolves with how long until there may be more, in milliseconds; null for never. */
  async #look(): Promise<number | null> {
    await this.#inTurn();
    const webhook = await this.deps.store.read.webhook(this.orgId, this.webhookId);
    if (webhook === null || !webhook.isActive) return null;
    const isFirst = !this.#hasLooked;
    this.#hasLooked = true;
    this.#webhook = webhook;
    if (isFirst && webhook.failingSince !== null && webhook.outboxCursor !== null) {
      this.#breaker.resume();
      return 0;
    }
    await this.#start(webhook, this.#limits);
    return await this.#untilNext(webhook);
  }

  get #limits(): WorkerLimits {
    return WORKER_LIMITS[workerState(this.#webhook, this.#breaker)];
  }

  async #inTurn(): Promise<void> {
    if (this.#limits.isLowPriority) await this.deps.lowPriority.next();
  }

  async #start(webhook: Webhook, limits: WorkerLimits): Promise<void> {
    this.#lanes.beginRead();
    if (this.#lanes.size < limits.queued) this.#lanes.addFirstAttempts(await this.#firstAttempts(webhook, limits));
    this.#lanes.startLanes(limits.lanes);
    if (this.#lanes.runningRetries >= limits.retries) return;
    const due = await this.deps.store.read.dueRetries(this.webhookId, await this.#retriesDueBy(), limits.retries);
    this.#lanes.startRetries(due, limits.retries);
  }

  async #firstAttempts(webhook: Webhook, { queued, precedence }: WorkerLimits): Promise<readonly Delivery[]> {
    const { store, catchUp } = this.deps;
    const deliveries = await store.read.firstAttempts(this.webhookId, queued);
    if (deliveries.length >= queued || webhook.outboxCursor === null) return deliveries;
    const { isProven } = this.#breaker;
    const made = await catchUp.next(webhook, queued - deliveries.length, isProven, precedence);
    // There may be more, or it is live now.
    if (this.#breaker.isProven) this.wake();
    return made > 0 ? await store.read.firstAttempts(this.webhookId, queued) : deliveries;
  }

  /** Now; or the time of the next retry when the clock was set back since it was set: it would wait as long as the clock was wrong. */
  async #retriesDueBy(): Promise<Instant> {
    const now = this.deps.clock.now();
    const next = await this.deps.store.read.nextRetry(this.webhookId);
    const isOld = next !== null && next.lastAttemptAt !== null && wasSetBackSince(next.lastAttemptAt, now);
    return isOld ? next.at : instantOf(now);
  }

  /** Whether it was recorded. Never rejects: what was not is sent again, with the same event id. */
  async #attempt(delivery: Delivery): Promise<boolean> {
    const { store, outcomes, probes } = this.deps;
    try {
      using _probe = this.#breaker.isOpen ? await probes.acquire(this.#signal) : null;
      await this.#inTurn();
      const event = await store.read.event(delivery.eventNumber);
      // As it stands now: since the delivery was taken, its address or secret may be another, or it may be off.
      const webhook = await store.read.webhook(this.orgId, this.webhookId);
      if (event === null || webhook === null || !webhook.isActive) return true;
      // The process may have slept meanwhile, or not heard from the database: another node sends to it.
      if (!this.checkClaim()) return false;
      const result = await sendTraced(this.deps, webhook, event, delivery.attempts + 1, this.#signal);
      if (isDelivered(result)) this.#breaker.succeeded();
      else this.#breaker.failed();
      await outcomes.record({ webhook, delivery, result, isCircuitOpen: this.#breaker.isOpen });
      return true;
    } catch (error) {
      if (!this.#signal.aborted) this.deps.onError(error);
      // Not in a tight loop.
      await sleep(PAUSE_MS, this.#signal);
      return false;
    }
  }

  /** How long until something is due, in milliseconds; null when nothing is, and nothing is on its way. */
  async #untilNext(webhook: Webhook): Promise<number | null> {
    if (this.#isWoken) return 0;
    // A retry that is on its way is due too, and wakes this when it ends.
    const next = this.#lanes.runningRetries > 0 ? null : await this.deps.store.read.nextRetry(this.webhookId);
    if (this.#isWoken) return 0;
    // The clock may be set meanwhile, and the time be there earlier than in so long.
    if (next !== null) return Math.min(Math.max(0, Date.parse(next.at) - this.deps.clock.now().getTime()), MAX_WAIT_MS);
    // Its deliveries are made by this worker alone.
    if (webhook.outboxCursor !== null) return Infinity;
    return this.#lanes.isBusy ? MAX_WAIT_MS : null;
  }

  /** Ends early when it is woken; the pause of an open circuit, only when that was closed meanwhile. */
  async #wait(waitMs: number): Promise<void> {
    const pauseMs = this.#breaker.pauseMs();
    if (pauseMs === 0 && (this.#isWoken || waitMs <= 0)) return;
    const woken = new Promise<void>((resolve) => {
      this.#endWait = () => {
        if (pauseMs === 0 || this.#breaker.pauseMs() === 0) resolve();
      };
    });
    await waitFor(woken, pauseMs > 0 ? pauseMs : waitMs, [this.#signal]);
  }
}
