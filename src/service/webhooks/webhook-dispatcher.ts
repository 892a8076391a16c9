import type { Clock } from "../../core/clock.js";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import { sleep } from "../../core/schedule/wait.js";
import type { Tracing } from "../../core/trace.js";
import type { OutboxEvent, Webhook } from "../../core/webhook.js";
import type { Store } from "../../store/store.js";
import type { CatchUp } from "./catch-up.js";
import { byOrganization, FanOut } from "./fan-out.js";
import type { Outbox } from "../changes/outbox.js";
import type { SharedWrites } from "../changes/shared-writes.js";
import type { WebhookClaims } from "./webhook-claims.js";
import type { WebhookOutcomes } from "./webhook-outcome.js";
import type { WebhookSender } from "./webhook-sender.js";
import { WebhookWorker } from "./webhook-worker.js";

const FAN_OUT_CHUNK = 200;
/** Events of other nodes that are looked at in one read. */
const FOLLOWED_CHUNK = 1_000;
/** Another node has fanned out its own events after so long, most often; and many of them are one look. */
const FOLLOW_AFTER_MS = 50;
/** After a failure of our own, before the next look at the outbox. */
const PAUSE_MS = 1_000;
/** Attempts at once at all endpoints whose circuit is open: of a thousand silent ones that each take the whole time, a quarter. */
const MAX_PROBES = 256;

/**
 * Takes events from the outbox to the webhooks that want them: makes their deliveries for live ones in one transaction, and runs a
 * worker for each that has something to send or is catching up. Its state is in the database, so a crash loses nothing; what was
 * sent and not recorded is sent again with the same event id.
 *
 * Nodes that share a database each have one. Any of them fans out; a webhook's worker runs on the node that has claimed it.
 */
export class WebhookDispatcher implements AsyncDisposable {
  /** By organization and webhook. */
  readonly #workers = new Map<string, Map<string, WebhookWorker>>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #lowPriority = new EventLoopQuota(1);
  readonly #probes = new Semaphore(MAX_PROBES);
  readonly #fanOut: FanOut;
  #fanningOut: Promise<void> | null = null;
  #again = false;
  #following: Promise<void> | null = null;
  #othersHaveNew = false;
  /** The number of the newest event of which is known that it was fanned out, by whichever node. */
  #followed = 0;

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
      readonly claims: WebhookClaims;
      readonly onError: (error: unknown) => void;
    },
  ) {
    const { store, clock, claims } = deps;
    this.#fanOut = new FanOut({ store, clock, claims, workerOf: (orgId, id) => this.#workers.get(orgId)?.get(id) });
  }

  /** Goes on where the last process ended, and then follows the outbox. */
  async start(): Promise<void> {
    const { outbox, store, claims } = this.deps;
    outbox.attach({
      committed: () => this.#fanOutSoon(),
      othersCommitted: () => this.othersCommitted(),
      changed: (webhook) => this.changed(webhook),
    });
    if (claims.isShared) this.#followed = await store.read.lastFannedOut();
    this.#fanOutSoon();
    if (claims.isShared) return await this.#takeOn(null);
    for (const { orgId, id } of await store.read.activeWebhooks()) this.#startWorker(orgId, id, null);
  }

  /** A webhook was made, changed or deleted, or has something to send again, here or on another node. */
  changed({ orgId, id }: Pick<Webhook, "id" | "orgId">): void {
    const worker = this.#workers.get(orgId)?.get(id);
    if (worker === undefined) this.#claimAndStart(orgId, id);
    else worker.changed();
  }

  /** Another node has committed events, or may have: what it heard of was missed. */
  othersCommitted(): void {
    const { signal } = this.#stopping;
    this.#following ??= sleep(FOLLOW_AFTER_MS, signal).then(() => {
      this.#following = null;
      this.#othersHaveNew = true;
      this.#fanOutSoon();
    });
  }

  /**
   * To be called every few seconds where several nodes share the database: renews the claims of what runs here, stops what another node
   * has claimed, and takes on what nobody has claimed. Does nothing in a process that is alone.
   */
  async keepUp(): Promise<void> {
    const { claims } = this.deps;
    if (!claims.isShared || this.#stopping.signal.aborted) return;
    // First: the database may not answer.
    this.#stopUnclaimed();
    await claims.claim([...this.#workers.values()].flatMap((workers) => [...workers.keys()]));
    this.#stopUnclaimed();
    this.#othersHaveNew = true;
    this.#fanOutSoon();
    await this.#takeOn(null);
  }

  /** Ends attempts under way; the next process makes them again, or another node. */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new Error("the server is shutting down");
    this.#stopping.abort(reason);
    for (const workers of this.#workers.values()) for (const worker of workers.values()) worker.stop(reason);
    await this.#following;
    await this.#fanningOut;
    await Promise.all(this.#running);
    await this.deps.writes.drained();
    await this.deps.claims.release().catch(this.deps.onError);
    this.deps.sender.close();
  }

  #stopUnclaimed(): void {
    for (const workers of this.#workers.values()) for (const worker of workers.values()) worker.checkClaim();
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
        for (const webhook of await this.#fanOut.run(events)) {
          const worker = this.#workers.get(webhook.orgId)?.get(webhook.id);
          if (worker !== undefined) worker.wake();
          // Another node that has claimed it hears of the event too.
          else if (this.deps.claims.holds(webhook.id)) this.#startWorker(webhook.orgId, webhook.id, webhook);
        }
        this.#tellWorkers(events, false);
      }
      if (this.#othersHaveNew) await this.#follow();
    }
  }

  /** Events that other nodes fanned out: to workers here, and to webhooks that nobody runs. */
  async #follow(): Promise<void> {
    for (;;) {
      this.#othersHaveNew = false;
      const events = await this.deps.store.read.eventHeadersFannedOut(this.#followed, FOLLOWED_CHUNK);
      if (events.length === 0) return;
      this.#tellWorkers(events, true);
      await this.#takeOn([...byOrganization(events).keys()]);
      this.#followed = events.at(-1)?.number ?? this.#followed;
    }
  }

  #tellWorkers(events: readonly Pick<OutboxEvent, "orgId" | "type">[], byOthers: boolean): void {
    for (const [orgId, own] of byOrganization(events)) {
      const types = new Set(own.map(({ type }) => type));
      for (const worker of this.#workers.get(orgId)?.values() ?? []) worker.fannedOut(types, byOthers);
    }
  }

  /** Claims and starts what has something to do and is not claimed by another node; of these organizations, or of all. */
  async #takeOn(orgIds: readonly string[] | null): Promise<void> {
    const { claims } = this.deps;
    const waiting = (await claims.waiting(orgIds)).filter(({ orgId, id }) => !this.#workers.get(orgId)?.has(id));
    const held = new Set(await claims.claim(waiting.map(({ id }) => id)));
    for (const { orgId, id } of waiting) if (held.has(id)) this.#startWorker(orgId, id, null);
  }

  #claimAndStart(orgId: string, id: string): void {
    const { claims, onError } = this.deps;
    if (this.#stopping.signal.aborted) return;
    if (claims.holds(id)) return this.#startWorker(orgId, id, null);
    // Another node may have it, which is told as well.
    const claiming = this.#takeOn([orgId])
      // It is looked for again by `keepUp`.
      .catch(onError)
      .finally(() => this.#running.delete(claiming));
    this.#running.add(claiming);
  }

  #startWorker(orgId: string, id: string, known: Webhook | null): void {
    if (this.#stopping.signal.aborted) return;
    const workers = this.#workers.get(orgId) ?? new Map<string, WebhookWorker>();
    const running = workers.get(id);
    if (running !== undefined) return running.wake();
    this.#workers.set(orgId, workers);
    const { store, clock, sender, outcomes, catchUp, tracing, onError, claims } = this.deps;
    const limits = { lowPriority: this.#lowPriority, probes: this.#probes };
    const deps = { store, clock, sender, outcomes, catchUp, claims, ...limits, tracing, onError };
    const worker = new WebhookWorker(orgId, id, deps, known);
    workers.set(id, worker);
    const run = worker.run().finally(() => {
      workers.delete(id);
      if (workers.size === 0) this.#workers.delete(orgId);
      this.#running.delete(run);
      // It was woken between its last look and its end.
      if (worker.isWoken) this.#claimAndStart(orgId, id);
    });
    this.#running.add(run);
  }
}
