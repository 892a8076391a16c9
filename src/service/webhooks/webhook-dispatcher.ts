import { instantOf, type Clock } from "../../core/clock.js";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import { sleep } from "../../core/schedule/wait.js";
import type { Tracing } from "../../core/trace.js";
import type { Delivery, OutboxEvent, Webhook } from "../../core/webhook.js";
import type { Store, Writer } from "../../store/store.js";
import { matchesEvent } from "../../outbound/event-types.js";
import type { CatchUp } from "./catch-up.js";
import { newDelivery } from "./new-delivery.js";
import type { Outbox } from "../changes/outbox.js";
import type { SharedWrites } from "../changes/shared-writes.js";
import type { WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";
import { WebhookWorker } from "./webhook-worker.js";

const FAN_OUT_CHUNK = 200;
/** After a failure of our own, before the next look at the outbox. */
const PAUSE_MS = 1_000;
/** Attempts at once at all endpoints whose circuit is open: of a thousand silent ones that each take the whole time, a quarter. */
const MAX_PROBES = 256;

/**
 * Takes events from the outbox to the webhooks that want them: makes their deliveries for live ones in one transaction, and runs a
 * worker for each that has something to send or is catching up. Its state is in the database, so a crash loses nothing; what was
 * sent and not recorded is sent again with the same event id.
 */
export class WebhookDispatcher implements AsyncDisposable {
  /** By organization and webhook. */
  readonly #workers = new Map<string, Map<string, WebhookWorker>>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #lowPriority = new EventLoopQuota(1);
  readonly #probes = new Semaphore(MAX_PROBES);
  #fanningOut: Promise<void> | null = null;
  #again = false;

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly outbox: Outbox;
      readonly sender: WebhookSender;
      readonly outcomes: WebhookOutcomes;
      readonly tracing: Tracing;
      readonly catchUp: CatchUp;
      readonly writes: SharedWrites;
      readonly onError: (error: unknown) => void;
    },
  ) {}

  /** Goes on where the last process ended, and then follows the outbox. */
  async start(): Promise<void> {
    this.deps.outbox.attach({
      committed: () => this.#fanOutSoon(),
      changed: ({ orgId, id }) => {
        const worker = this.#workers.get(orgId)?.get(id);
        if (worker === undefined) this.#startWorker(orgId, id, null);
        else worker.changed();
      },
    });
    this.#fanOutSoon();
    for (const { orgId, id } of await this.deps.store.read.activeWebhooks()) this.#startWorker(orgId, id, null);
  }

  /** Ends attempts under way; the next process makes them again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new Error("the server is shutting down");
    this.#stopping.abort(reason);
    for (const workers of this.#workers.values()) for (const worker of workers.values()) worker.stop(reason);
    await this.#fanningOut;
    await Promise.all(this.#running);
    await this.deps.writes.drained();
    this.deps.sender.close();
  }

  #fanOutSoon(): void {
    this.#again = true;
    if (this.#stopping.signal.aborted) return;
    this.#fanningOut ??= this.#fanOutAll()
      .catch(async (error: unknown) => {
        this.deps.onError(error);
        this.#again = true;
        await sleep(PAUSE_MS, this.#stopping.signal);
      })
      .finally(() => {
        this.#fanningOut = null;
        // Committed after the last look, or not done because the database was busy.
        if (this.#again) this.#fanOutSoon();
      });
  }

  async #fanOutAll(): Promise<void> {
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false;
      for (;;) {
        const events = await this.deps.store.read.eventsToFanOut(FAN_OUT_CHUNK);
        if (events.length === 0) break;
        const wanted = await this.deps.store.write((tx) => this.#fanOut(tx, events));
        for (const webhook of wanted) {
          const worker = this.#workers.get(webhook.orgId)?.get(webhook.id);
          if (worker === undefined) this.#startWorker(webhook.orgId, webhook.id, webhook);
          else worker.wake();
        }
        this.#wakeCatchingUp(events);
      }
    }
  }

  /** Makes the deliveries of live webhooks; returns these webhooks. */
  async #fanOut(tx: Writer, events: readonly OutboxEvent[]): Promise<readonly Webhook[]> {
    const now = instantOf(this.deps.clock.now());
    const wanted: Webhook[] = [];
    const deliveries: Delivery[] = [];
    for (const [orgId, own] of byOrganization(events)) {
      const live = await tx.liveWebhooks(orgId);
      const full = live.filter(({ id }) => this.#workers.get(orgId)?.get(id)?.isFull === true);
      await tx.fallBehind(
        full.map(({ id }) => id),
        (own[0]?.number ?? 1) - 1,
      );
      for (const webhook of live) {
        if (full.includes(webhook)) continue;
        const matching = own.filter(({ type }) => matchesEvent(webhook.events, type));
        if (matching.length === 0) continue;
        deliveries.push(...matching.map((event) => newDelivery(webhook, event, now)));
        wanted.push(webhook);
      }
    }
    await tx.insertDeliveries(deliveries);
    await tx.markFannedOut(events.map(({ number }) => number));
    return wanted;
  }

  #wakeCatchingUp(events: readonly OutboxEvent[]): void {
    for (const [orgId, own] of byOrganization(events)) {
      const types = new Set(own.map(({ type }) => type));
      for (const worker of this.#workers.get(orgId)?.values() ?? []) worker.fannedOut(types);
    }
  }

  #startWorker(orgId: string, id: string, known: Webhook | null): void {
    if (this.#stopping.signal.aborted) return;
    const workers = this.#workers.get(orgId) ?? new Map<string, WebhookWorker>();
    this.#workers.set(orgId, workers);
    const { store, clock, sender, outcomes, catchUp, tracing, onError } = this.deps;
    const limits = { lowPriority: this.#lowPriority, probes: this.#probes };
    const deps = { store, clock, sender, outcomes, catchUp, ...limits, tracing, onError };
    const worker = new WebhookWorker(orgId, id, deps, known);
    workers.set(id, worker);
    const run = worker.run().finally(() => {
      workers.delete(id);
      if (workers.size === 0) this.#workers.delete(orgId);
      this.#running.delete(run);
      // It was woken between its last look and its end.
      if (worker.isWoken) this.#startWorker(orgId, id, null);
    });
    this.#running.add(run);
  }
}

function byOrganization(events: readonly OutboxEvent[]): ReadonlyMap<string, readonly OutboxEvent[]> {
  const groups = new Map<string, OutboxEvent[]>();
  for (const event of events) {
    const group = groups.get(event.orgId);
    if (group === undefined) groups.set(event.orgId, [event]);
    else group.push(event);
  }
  return groups;
}
