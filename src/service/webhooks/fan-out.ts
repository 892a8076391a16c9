import { instantOf, type Clock } from "../../core/clock.js";
import type { Delivery, OutboxEvent, Webhook } from "../../core/webhook.js";
import { matchesEvent } from "../../outbound/event-types.js";
import type { Store, Writer } from "../../store/store.js";
import { newDelivery } from "./new-delivery.js";
import type { ClaimedWebhooks, WebhookClaims } from "./webhook-claims.js";
import { FULL, type WebhookWorker } from "./webhook-worker.js";

/** The worker of a webhook in this process; undefined when there is none. */
type WorkerOf = (orgId: string, id: string) => Pick<WebhookWorker, "isFull"> | undefined;

/** Makes the deliveries of live webhooks, one transaction for some events; and claims the webhooks in the same one. */
export class FanOut {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly claims: WebhookClaims;
      readonly workerOf: WorkerOf;
    },
  ) {}

  /** Returns the webhooks that got deliveries. Events that another node has fanned out since they were read are left alone. */
  async run(events: readonly OutboxEvent[]): Promise<readonly Webhook[]> {
    const { store, claims } = this.deps;
    const next = claims.next();
    const { wanted, claimed } = await store.write((tx) => this.#write(tx, events, next));
    claims.took(claimed);
    return wanted;
  }

  async #write(
    tx: Writer,
    events: readonly OutboxEvent[],
    next: Omit<ClaimedWebhooks, "ids">,
  ): Promise<{ readonly wanted: readonly Webhook[]; readonly claimed: ClaimedWebhooks }> {
    const { clock, claims } = this.deps;
    const now = instantOf(clock.now());
    const numbers = await tx.markFannedOut(events.map(({ number }) => number));
    const waiting = events.filter(({ number }) => numbers.has(number));
    const wanted: Webhook[] = [];
    const deliveries: Delivery[] = [];
    for (const [orgId, own] of byOrganization(waiting)) {
      const live = await tx.liveWebhooks(orgId);
      const full = await this.#full(tx, live);
      await tx.fallBehind([...full], (own[0]?.number ?? 1) - 1);
      for (const webhook of live) {
        if (full.has(webhook.id)) continue;
        const matching = own.filter(({ type }) => matchesEvent(webhook.events, type));
        if (matching.length === 0) continue;
        deliveries.push(...matching.map((event) => newDelivery(webhook, event, now)));
        wanted.push(webhook);
      }
    }
    await tx.insertDeliveries(deliveries);
    const stale = claims.stale(wanted.map(({ id }) => id));
    return { wanted, claimed: await claims.claimIn(tx, stale, next) };
  }

  /** Those with so much to send that further events had better wait in the outbox: of other nodes' as far as the database knows. */
  async #full(tx: Writer, live: readonly Webhook[]): Promise<ReadonlySet<string>> {
    const { claims, workerOf } = this.deps;
    const full = live.filter(({ orgId, id }) => workerOf(orgId, id)?.isFull === true).map(({ id }) => id);
    if (!claims.isShared) return new Set(full);
    const elsewhere = live.filter(({ orgId, id }) => workerOf(orgId, id) === undefined).map(({ id }) => id);
    return new Set([...full, ...(await tx.webhooksWithFirstAttempts(elsewhere, FULL))]);
  }
}

/** Events, or what is left of them, by their organizations. */
export function byOrganization<Event extends Pick<OutboxEvent, "orgId">>(
  events: readonly Event[],
): ReadonlyMap<string, readonly Event[]> {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const group = groups.get(event.orgId);
    if (group === undefined) groups.set(event.orgId, [event]);
    else group.push(event);
  }
  return groups;
}
