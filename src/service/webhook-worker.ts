import { instantOf, type Clock } from "../core/clock.js";
import type { Tracing } from "../core/trace.js";
import type { Delivery, OutboxEvent, Webhook } from "../core/webhook.js";
import type { Store } from "../store/store.js";
import type { SendResult } from "../webhook/send.js";
import { pause, waitFor } from "./waiting.js";
import type { WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";
import type { Slots } from "./slots.js";

export interface WorkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly sender: WebhookSender;
  readonly outcomes: WebhookOutcomes;
  /** Shared by the endpoints that fail, so that many dead ones cannot take everything. */
  readonly failingSlots: Slots;
  readonly tracing: Tracing;
  readonly onError: (error: unknown) => void;
}

/** Deliveries of one webhook that are taken from the database at once, and tried at once. */
const MAX_QUEUED = 200;
const MAX_LANES = 16;
const MAX_RETRIES = 4;
/** After a failure of our own (the database is busy), before the next look. */
const PAUSE_MS = 1_000;
/** Every end of a lane or try wakes the worker before this. */
const MAX_REST_MS = 60_000;

/**
 * Sends the deliveries of one webhook. First tries go one after the other for each environment, so that they arrive in order; one
 * that fails leaves its lane and comes again as a retry, which has no order and holds nothing back.
 */
export class WebhookWorker {
  readonly #taken = new Set<string>();
  readonly #lanes = new Map<string, Delivery[]>();
  readonly #running = new Set<string>();
  #retries = 0;
  #wake: () => void = () => {};
  #woken = true;

  constructor(
    private readonly orgId: string,
    private readonly webhookId: string,
    private readonly deps: WorkerDeps,
    private readonly signal: AbortSignal,
  ) {}

  /** There may be more to send. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Somebody woke it since it last looked. */
  get isWoken(): boolean {
    return this.#woken;
  }

  /** Resolves when nothing is left to send, the webhook is gone or off, or the signal aborts. Never rejects. */
  async run(): Promise<void> {
    while (!this.signal.aborted) {
      try {
        this.#woken = false;
        const webhook = await this.deps.store.read.webhook(this.orgId, this.webhookId);
        if (webhook === null || !webhook.isActive) return;
        await this.#take(webhook);
        const waitMs = await this.#waitMs();
        if (waitMs === null) return;
        await this.#rest(waitMs);
      } catch (error) {
        if (this.signal.aborted) return;
        this.deps.onError(error);
        await this.#rest(PAUSE_MS);
      }
    }
  }

  /** Takes what is due and not taken yet, and starts it. */
  async #take(webhook: Webhook): Promise<void> {
    const { read } = this.deps.store;
    if (this.#taken.size < MAX_QUEUED) {
      for (const delivery of await read.firstTries(this.webhookId, MAX_QUEUED)) {
        if (this.#taken.has(delivery.id)) continue;
        this.#taken.add(delivery.id);
        const lane = delivery.environmentId ?? `event ${delivery.id}`;
        const queue = this.#lanes.get(lane);
        if (queue === undefined) this.#lanes.set(lane, [delivery]);
        else queue.push(delivery);
      }
    }
    this.#startLanes(webhook);
    const now = instantOf(this.deps.clock.now());
    for (const delivery of await read.dueRetries(this.webhookId, now, MAX_RETRIES)) {
      if (this.#retries >= MAX_RETRIES || this.#taken.has(delivery.id)) continue;
      this.#taken.add(delivery.id);
      this.#retries += 1;
      void this.#try(webhook, delivery).finally(() => {
        this.#retries -= 1;
        this.wake();
      });
    }
  }

  #startLanes(webhook: Webhook): void {
    for (const lane of this.#lanes.keys()) {
      if (this.#running.size >= MAX_LANES) return;
      if (this.#running.has(lane)) continue;
      this.#running.add(lane);
      void this.#runLane(webhook, lane).finally(() => {
        this.#running.delete(lane);
        // What was put into the lane between its last look and its end is started by the next round.
        if (this.#lanes.get(lane)?.length === 0) this.#lanes.delete(lane);
        this.wake();
      });
    }
  }

  async #runLane(webhook: Webhook, lane: string): Promise<void> {
    const queue = this.#lanes.get(lane) ?? [];
    for (let delivery = queue.shift(); delivery !== undefined; delivery = queue.shift()) {
      await this.#try(webhook, delivery);
      // There is room for the next ones before this lane is through.
      if (this.#taken.size <= MAX_QUEUED / 2) this.wake();
      if (this.signal.aborted) return;
    }
  }

  /** Never rejects: what could not be recorded is tried again, with the same event id. */
  async #try(webhook: Webhook, delivery: Delivery): Promise<void> {
    const { store, outcomes, failingSlots } = this.deps;
    try {
      using _slot = webhook.failingSince === null ? null : await failingSlots.take(this.signal);
      const event = await store.read.event(delivery.eventNumber);
      // As it stands now: since the delivery was taken, its address or secret may be another, or it may be off.
      const current = await store.read.webhook(this.orgId, this.webhookId);
      if (event === null || current === null || !current.isActive) return;
      const result = await this.#send(current, event, delivery.attempts + 1);
      await outcomes.record({ webhook: current, delivery, result });
    } catch (error) {
      if (!this.signal.aborted) this.deps.onError(error);
      // What could not be recorded is sent again; not in a tight loop.
      await pause(PAUSE_MS, this.signal);
    } finally {
      this.#taken.delete(delivery.id);
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
      const result = await sender.send(webhook, event.id, event.body, this.signal, span.context);
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
  async #waitMs(): Promise<number | null> {
    if (this.#woken) return 0;
    const isBusy = this.#running.size > 0 || this.#retries > 0;
    // A retry that is on its way is due too, and wakes this when it ends.
    const next = this.#retries > 0 ? null : await this.deps.store.read.nextRetryAt(this.webhookId);
    if (this.#woken) return 0;
    if (next === null) return isBusy ? MAX_REST_MS : null;
    return Math.max(0, Date.parse(next) - this.deps.clock.now().getTime());
  }

  async #rest(waitMs: number): Promise<void> {
    if (this.#woken || waitMs <= 0) return;
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await waitFor(woken, waitMs, [this.signal]);
  }
}
