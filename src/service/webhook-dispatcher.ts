import { setMaxListeners } from "node:events";
import { instantOf, type Clock } from "../core/clock.js";
import type { Tracing } from "../core/trace.js";
import type { OutboxEvent, Webhook } from "../core/webhook.js";
import type { Store, Writer } from "../store/store.js";
import { matchesEvent } from "../webhook/event-types.js";
import { newDelivery } from "./new-delivery.js";
import type { Outbox } from "./outbox.js";
import { Slots } from "./slots.js";
import { pause } from "./waiting.js";
import type { WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";
import { WebhookWorker } from "./webhook-worker.js";

const FAN_OUT_CHUNK = 200;
/** After a failure of our own, before the next look at the outbox. */
const PAUSE_MS = 1_000;
/** Tries at once of all endpoints that fail: enough to get through 1,000 dead ones that each take the whole time of a try. */
const FAILING_SLOTS = 64;

/** Every worker and try listens to it: there is no number of listeners from which on it would be a leak. */
function stoppable(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Takes events from the outbox to the webhooks that want them: makes a delivery for each in one transaction, and has a worker for
 * each webhook that has something to send. Everything that it knows is in the database, so a crash loses nothing; what was sent and
 * not recorded is sent again with the same event id.
 */
export class WebhookDispatcher implements AsyncDisposable {
  readonly #workers = new Map<string, WebhookWorker>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = stoppable();
  readonly #failingSlots = new Slots(FAILING_SLOTS);
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
      readonly onError: (error: unknown) => void;
    },
  ) {}

  /** Goes on where the last process ended, and then follows the outbox. */
  async start(): Promise<void> {
    this.deps.outbox.attach({
      committed: () => this.#fanOutSoon(),
      changed: (webhook) => this.#wakeWorker(webhook),
    });
    this.#fanOutSoon();
    for (const webhook of await this.deps.store.read.activeWebhooks()) this.#wakeWorker(webhook);
  }

  /** Ends what is on its way; it is sent again by the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the server is shutting down"));
    await this.#fanningOut;
    await Promise.all(this.#running);
    this.deps.sender.close();
  }

  #fanOutSoon(): void {
    this.#again = true;
    if (this.#stopping.signal.aborted) return;
    this.#fanningOut ??= this.#fanOutAll()
      .catch(async (error: unknown) => {
        this.deps.onError(error);
        this.#again = true;
        await pause(PAUSE_MS, this.#stopping.signal);
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
        for (const webhook of wanted) this.#wakeWorker(webhook);
      }
    }
  }

  async #fanOut(tx: Writer, events: readonly OutboxEvent[]): Promise<readonly Webhook[]> {
    const now = instantOf(this.deps.clock.now());
    const active = new Map<string, readonly Webhook[]>();
    for (const { orgId } of events) {
      if (!active.has(orgId)) active.set(orgId, await tx.activeWebhooks(orgId));
    }
    const wanted = new Set<Webhook>();
    const deliveries = events.flatMap((event) =>
      (active.get(event.orgId) ?? [])
        .filter((webhook) => matchesEvent(webhook.events, event.type))
        .map((webhook) => {
          wanted.add(webhook);
          return newDelivery(webhook, event, now);
        }),
    );
    await tx.insertDeliveries(deliveries);
    await tx.markFannedOut(events.map(({ number }) => number));
    return [...wanted];
  }

  #wakeWorker({ id, orgId }: Pick<Webhook, "id" | "orgId">): void {
    const known = this.#workers.get(id);
    if (known !== undefined) {
      known.wake();
      return;
    }
    if (this.#stopping.signal.aborted) return;
    const { store, clock, sender, outcomes, tracing, onError } = this.deps;
    const deps = { store, clock, sender, outcomes, failingSlots: this.#failingSlots, tracing, onError };
    const worker = new WebhookWorker(orgId, id, deps, this.#stopping.signal);
    this.#workers.set(id, worker);
    const run = worker.run().finally(() => {
      this.#workers.delete(id);
      this.#running.delete(run);
      // Woken between its last look and its end.
      if (worker.isWoken) this.#wakeWorker({ id, orgId });
    });
    this.#running.add(run);
  }
}
