import { instantOf, type Clock } from "../../core/clock.js";
import { EVENT_TYPES, type Webhook } from "../../core/webhook.js";
import type { Store, Writer } from "../../store/store.js";
import { matchesEvent } from "../../outbound/event-types.js";
import { newDelivery } from "./new-delivery.js";
import type { Precedence, SharedWrites } from "../changes/shared-writes.js";

/** The deliveries that one webhook is given in one transaction. */
const MAX_CHUNK = 50;

/**
 * Makes the deliveries of webhooks that are catching up, from their outbox cursor on. They cost nothing while an endpoint cannot take
 * them: however many endpoints are dead, an event is one row.
 */
export class CatchUp {
  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock; readonly writes: SharedWrites }) {}

  /**
   * Makes the next deliveries of a webhook, at most `limit`; returns how many. When none is left and its endpoint `isProven`, the
   * webhook is live from then on.
   */
  async next(webhook: Webhook, limit: number, isProven: boolean, precedence: Precedence): Promise<number> {
    const { store, writes } = this.deps;
    if (webhook.outboxCursor === null) return 0;
    // Most have no backlog, and need no transaction to know it.
    const [first] = await eventsOf(store.read, webhook, webhook.outboxCursor, 1);
    if (first === undefined && !isProven) return 0;
    const chunk = Math.min(limit, MAX_CHUNK);
    return await writes.run(precedence, (tx) => this.#next(tx, webhook, chunk, isProven));
  }

  async #next(tx: Writer, { orgId, id }: Webhook, limit: number, isProven: boolean): Promise<number> {
    const webhook = await tx.webhook(orgId, id);
    if (webhook === null || !webhook.isActive || webhook.outboxCursor === null) return 0;
    const events = await eventsOf(tx, webhook, webhook.outboxCursor, limit);
    const now = instantOf(this.deps.clock.now());
    await tx.insertDeliveries(events.map((event) => newDelivery(webhook, event, now)));
    const last = events.at(-1)?.number ?? webhook.outboxCursor;
    const outboxCursor = events.length === limit ? last : isProven ? null : await tx.lastFannedOut();
    if (outboxCursor !== webhook.outboxCursor) await tx.updateWebhook({ ...webhook, outboxCursor });
    return events.length;
  }
}

function eventsOf(reader: Pick<Writer, "eventsAfter">, { orgId, events }: Webhook, after: number, limit: number) {
  const types = EVENT_TYPES.filter((type) => matchesEvent(events, type));
  return reader.eventsAfter(orgId, after, types, limit);
}
