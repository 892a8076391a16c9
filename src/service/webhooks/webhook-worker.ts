import { setMaxListeners } from "node:events";
import { instantOf, wasSetBackSince, type Clock, type Instant } from "../../core/clock.js";
import type { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import type { Semaphore } from "../../core/schedule/semaphore.js";
import { sleep, waitFor } from "../../core/schedule/wait.js";
import type { Tracing } from "../../core/trace.js";
import type { Delivery, OutboxEvent, Webhook } from "../../core/webhook.js";
import type { Store } from "../../store/store.js";
import { matchesEvent } from "../../outbound/event-types.js";
import type { SendResult } from "../../outbound/send.js";
import type { CatchUp } from "./catch-up.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import { isDelivered, type WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";

export interface WorkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly sender: WebhookSender;
  readonly outcomes: WebhookOutcomes;
  readonly catchUp: CatchUp;
  /** For whom is not known to be good: after everything that cannot wait. */
  readonly unknownQuota: EventLoopQuota;
  /** Shared by the endpoints that rest, so that many silent ones do not hold everything. */
  readonly restingSlots: Semaphore;
  readonly tracing: Tracing;
  readonly onError: (error: unknown) => void;
}

/** What is taken from the database at once, and tried at once. */
interface WorkerLimits {
  readonly queued: number;
  readonly lanes: number;
  readonly retries: number;
}

const GOOD: WorkerLimits = { queued: 200, lanes: 16, retries: 4 };
const UNKNOWN: WorkerLimits = { queued: 16, lanes: 16, retries: 4 };
const RESTING: WorkerLimits = { queued: 1, lanes: 1, retries: 1 };
/** With so many first tries waiting, a webhook does not keep up. */
const FULL = 100;
/** After a failure of our own (the database is busy), before the next look. */
const PAUSE_MS = 1_000;
/** Every end of a lane or try wakes the worker before this, and a clock that is set is seen after it. */
const MAX_REST_MS = 60_000;

/**
 * Sends the deliveries of one webhook. First tries go one after the other for each environment, so that they arrive in order; one
 * that fails leaves its lane and comes again as a retry, which has no order and holds nothing back.
 */
export class WebhookWorker {
  readonly #taken = new Set<string>();
  /** What ended since the last look began: what it read of them is old. */
  readonly #ended = new Set<string>();
  readonly #lanes = new Map<string, Delivery[]>();
  readonly #running = new Set<string>();
  readonly #health: CircuitBreaker;
  readonly #stopping = new AbortController();
  #retries = 0;
  #wake: () => void = () => {};
  #endRest: () => void = () => {};
  #woken = true;
  #hasLooked = false;
  /** As it was last read; null before that. */
  #webhook: Webhook | null;

  /** `known` is the webhook as it was just read, where it was; who is known to keep up waits for nobody. */
  constructor(
    private readonly orgId: string,
    private readonly webhookId: string,
    private readonly deps: WorkerDeps,
    known: Webhook | null,
  ) {
    this.#webhook = known;
    this.#health = new CircuitBreaker(deps.clock);
    // Each lane and try listens to it: there is no number of listeners from which on it would be a leak.
    setMaxListeners(0, this.#signal);
  }

  /** Ends it, and what is on its way, with this reason. */
  stop(reason: Error): void {
    this.#stopping.abort(reason);
  }

  /** There may be more to send. A rest that the endpoint needs is not cut short by it. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Somebody has changed the webhook, or wants something sent again. */
  changed(): void {
    this.#health.reset();
    this.wake();
    this.#endRest();
  }

  /** There are new events of these types, and deliveries of them for those who keep up. */
  fannedOut(types: ReadonlySet<string>): void {
    const webhook = this.#webhook;
    if (webhook === null) return this.wake();
    if (webhook.outboxCursor !== null && [...types].some((type) => matchesEvent(webhook.events, type))) this.wake();
  }

  /** Somebody woke it since it last looked. */
  get isWoken(): boolean {
    return this.#woken;
  }

  /** So much waits that the next events had better wait in the outbox. */
  get isFull(): boolean {
    return this.#taken.size >= FULL;
  }

  /** Resolves when nothing is left to send, the webhook is gone or off, or it is stopped. Never rejects. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        this.#woken = false;
        const waitMs = this.#health.restMs() > 0 ? 0 : await this.#look();
        if (waitMs === null) return;
        await this.#rest(waitMs);
      } catch (error) {
        if (this.#signal.aborted) return;
        this.deps.onError(error);
        await sleep(PAUSE_MS, this.#signal);
      }
    }
  }

  /** Starts what is due. How long until there may be more; null for never. */
  async #look(): Promise<number | null> {
    await this.#turn();
    const webhook = await this.deps.store.read.webhook(this.orgId, this.webhookId);
    if (webhook === null || !webhook.isActive) return null;
    const isNew = !this.#hasLooked;
    this.#hasLooked = true;
    this.#webhook = webhook;
    if (isNew && webhook.failingSince !== null && webhook.outboxCursor !== null) {
      this.#health.resume();
      return 0;
    }
    await this.#take(webhook, this.#appetite());
    return await this.#waitMs(webhook);
  }

  #appetite(): WorkerLimits {
    if (this.#health.isOpen) return RESTING;
    return this.#health.isGood || this.#keepsUp ? GOOD : UNKNOWN;
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  get #keepsUp(): boolean {
    return this.#webhook !== null && this.#webhook.outboxCursor === null;
  }

  /** Whoever is not known to be good goes after everybody else. */
  async #turn(): Promise<void> {
    if (!this.#health.isGood && !this.#keepsUp) await this.deps.unknownQuota.next();
  }

  /** Takes what is due and not taken yet, and starts it. */
  async #take(webhook: Webhook, appetite: WorkerLimits): Promise<void> {
    const { read } = this.deps.store;
    this.#ended.clear();
    if (this.#taken.size < appetite.queued) await this.#takeFirstTries(webhook, appetite.queued);
    this.#startLanes(appetite.lanes);
    if (this.#retries >= appetite.retries) return;
    const now = await this.#retriesDueBy();
    for (const delivery of await read.dueRetries(this.webhookId, now, appetite.retries)) {
      if (this.#retries >= appetite.retries || this.#isHandled(delivery)) continue;
      this.#taken.add(delivery.id);
      this.#retries += 1;
      void this.#try(delivery).finally(() => {
        this.#retries -= 1;
        this.wake();
      });
    }
  }

  /** Now; when the clock was set back since the last try of what is next, then: it would wait as long as the clock was wrong. */
  async #retriesDueBy(): Promise<Instant> {
    const now = this.deps.clock.now();
    const next = await this.deps.store.read.nextRetry(this.webhookId);
    const isOld = next !== null && next.lastAttemptAt !== null && wasSetBackSince(next.lastAttemptAt, now);
    return isOld ? next.at : instantOf(now);
  }

  async #takeFirstTries(webhook: Webhook, limit: number): Promise<void> {
    const { store, catchUp } = this.deps;
    let deliveries = await store.read.firstTries(this.webhookId, limit);
    if (deliveries.length < limit && webhook.outboxCursor !== null) {
      const made = await catchUp.next(
        ...([webhook, limit - deliveries.length, this.#health.isGood] as const),
        this.#health.isOpen ? "last" : "later",
      );
      if (made > 0) deliveries = await store.read.firstTries(this.webhookId, limit);
      // There may be more, or it keeps up now.
      if (this.#health.isGood) this.wake();
    }
    for (const delivery of deliveries) {
      if (this.#isHandled(delivery)) continue;
      this.#taken.add(delivery.id);
      const lane = delivery.environmentId ?? `event ${delivery.id}`;
      const queue = this.#lanes.get(lane);
      if (queue === undefined) this.#lanes.set(lane, [delivery]);
      else queue.push(delivery);
    }
  }

  #isHandled({ id }: Delivery): boolean {
    return this.#taken.has(id) || this.#ended.has(id);
  }

  #startLanes(most: number): void {
    for (const lane of [...this.#lanes.keys()]) {
      if (this.#running.size >= most) return;
      if (this.#running.has(lane)) continue;
      this.#running.add(lane);
      void this.#runLane(lane).finally(() => {
        this.#running.delete(lane);
        const queue = this.#lanes.get(lane);
        // To the end of the line: of an endpoint that rests, another lane is tried next.
        this.#lanes.delete(lane);
        if (queue !== undefined && queue.length > 0) this.#lanes.set(lane, queue);
        this.wake();
      });
    }
  }

  async #runLane(lane: string): Promise<void> {
    const queue = this.#lanes.get(lane) ?? [];
    for (let delivery = queue.shift(); delivery !== undefined; delivery = queue.shift()) {
      await this.#try(delivery);
      // There is room for the next ones before this lane is through.
      if (this.#taken.size <= GOOD.queued / 2) this.wake();
      if (this.#signal.aborted || this.#health.isOpen) return;
    }
  }

  /** Never rejects: what could not be recorded is tried again, with the same event id. */
  async #try(delivery: Delivery): Promise<void> {
    const { store, outcomes, restingSlots } = this.deps;
    try {
      using _slot = this.#health.isOpen ? await restingSlots.acquire(this.#signal) : null;
      await this.#turn();
      const event = await store.read.event(delivery.eventNumber);
      // As it stands now: since the delivery was taken, its address or secret may be another, or it may be off.
      const current = await store.read.webhook(this.orgId, this.webhookId);
      if (event === null || current === null || !current.isActive) return;
      const result = await this.#send(current, event, delivery.attempts + 1);
      if (isDelivered(result)) this.#health.succeeded();
      else this.#health.failed();
      await outcomes.record({ webhook: current, delivery, result, isResting: this.#health.isOpen });
    } catch (error) {
      if (!this.#signal.aborted) this.deps.onError(error);
      // What could not be recorded is sent again; not in a tight loop.
      await sleep(PAUSE_MS, this.#signal);
    } finally {
      this.#taken.delete(delivery.id);
      this.#ended.add(delivery.id);
    }
  }

  /** One try, as a step of the trace of what caused the event. */
  async #send(webhook: Webhook, event: OutboxEvent, attempt: number): Promise<SendResult> {
    const { sender, tracing } = this.deps;
    const attributes = { "signet.event_type": event.type, "signet.event_id": event.id, "signet.attempt": attempt };
    const span = tracing.start({
      ...{ name: "webhook delivery", kind: "client", parent: event.trace, startedMsAgo: 0 },
      attributes: { "http.request.method": "POST", ...attributes },
    });
    try {
      const result = await sender.send(webhook, event.id, event.body, this.#signal, span.context);
      if (result.kind === "answered") span.set({ "http.response.status_code": result.status });
      // The code before the colon alone.
      if (result.kind === "failed") span.fail(result.error.split(":", 1)[0] ?? "failed");
      else if (result.status >= 300) span.fail(String(result.status));
      return result;
    } finally {
      span.end();
    }
  }

  /** How long until something is due; null when nothing is, and nothing is on its way. */
  async #waitMs(webhook: Webhook): Promise<number | null> {
    if (this.#woken) return 0;
    const isBusy = this.#running.size > 0 || this.#retries > 0;
    // A retry that is on its way is due too, and wakes this when it ends.
    const next = this.#retries > 0 ? null : await this.deps.store.read.nextRetry(this.webhookId);
    if (this.#woken) return 0;
    // The clock may be set meanwhile, and the time be there earlier than in so long.
    if (next !== null) return Math.min(Math.max(0, Date.parse(next.at) - this.deps.clock.now().getTime()), MAX_REST_MS);
    // Who is behind is told of events by its worker only.
    if (webhook.outboxCursor !== null) return Infinity;
    return isBusy ? MAX_REST_MS : null;
  }

  /** Ends early when it is woken; a rest that the endpoint needs, only when somebody has seen to it. */
  async #rest(waitMs: number): Promise<void> {
    const neededMs = this.#health.restMs();
    if (neededMs === 0 && (this.#woken || waitMs <= 0)) return;
    const woken = new Promise<void>((resolve) => {
      this.#wake = neededMs > 0 ? () => {} : resolve;
      this.#endRest = resolve;
    });
    await waitFor(woken, neededMs > 0 ? neededMs : waitMs, [this.#signal]);
  }
}
