import type { Instant } from "../../../core/clock.js";
import type { Kysely } from "kysely";
import type { Delivery, DeliveryState } from "../../../core/webhook.js";
import { countRows } from "../paging.js";
import { rowMapping } from "../../row-mapping.js";
import type { Schema } from "../../schema.js";
import type { WebhookReader, WebhookWriter } from "../../webhook-store.js";

const { read: deliveryOf, write: rowOf } = rowMapping<Delivery, "deliveries">({});

/** Rows in one statement: a delivery has fifteen parameters. */
const INSERT_CHUNK = 50;
/** A count reads every row that it counts: deliveries of one state are counted so far. */
const MAX_COUNTED = 100_000;

/** Look-ups of deliveries. */
export function deliveryReader(db: Kysely<Schema>) {
  const all = db.selectFrom("deliveries").selectAll();
  const pending = all.where("state", "=", "pending");
  return {
    async delivery(webhookId, id) {
      const row = await all.where("id", "=", id).where("webhook_id", "=", webhookId).executeTakeFirst();
      return row === undefined ? null : deliveryOf(row);
    },
    async deliveries(webhookId, { limit, offset }, { state, eventType } = {}) {
      const own = db.selectFrom("deliveries").where("webhook_id", "=", webhookId);
      const inState = state === undefined ? own : own.where("state", "=", state);
      const matching = eventType === undefined ? inState : inState.where("event_type", "=", eventType);
      const rows = await matching.selectAll().orderBy("event_number", "desc").limit(limit).offset(offset).execute();
      return { rows: rows.map(deliveryOf), total: await countRows(matching) };
    },
    async firstAttempts(webhookId, limit) {
      const own = pending.where("webhook_id", "=", webhookId).where("attempts", "=", 0);
      return (await own.orderBy("event_number").limit(limit).execute()).map(deliveryOf);
    },
    async webhooksWithFirstAttempts(ids, atLeast) {
      if (ids.length === 0) return new Set();
      const rows = await db
        .selectFrom("webhooks")
        .select("webhooks.id")
        .where("webhooks.id", "in", ids)
        .where((eb) => {
          // No count: it would read all that wait.
          const last = eb
            .selectFrom("deliveries")
            .select("deliveries.event_number")
            .whereRef("deliveries.webhook_id", "=", "webhooks.id")
            .where("deliveries.state", "=", "pending")
            .where("deliveries.attempts", "=", 0)
            .orderBy("deliveries.event_number")
            .limit(1)
            .offset(atLeast - 1);
          return eb.exists(last);
        })
        .execute();
      return new Set(rows.map(({ id }) => id));
    },
    async dueRetries(webhookId, now, limit) {
      const due = pending.where("webhook_id", "=", webhookId).where("next_attempt_at", "<=", now);
      const rows = await due.where("attempts", ">", 0).orderBy("next_attempt_at").limit(limit).execute();
      return rows.map(deliveryOf);
    },
    async nextRetry(webhookId) {
      const own = pending.where("webhook_id", "=", webhookId).where("attempts", ">", 0);
      const row = await own.orderBy("next_attempt_at").limit(1).executeTakeFirst();
      if (row === undefined || row.next_attempt_at === null) return null;
      return { at: row.next_attempt_at, lastAttemptAt: row.last_attempt_at };
    },
    async pendingDeliveries() {
      const row = await db
        .selectFrom("deliveries")
        .where("state", "=", "pending")
        .select((eb) => eb.fn.countAll<number | string>().as("total"))
        .select((eb) => eb.fn.min<string | null>("created_at").as("oldest"))
        .executeTakeFirstOrThrow();
      return { pending: Number(row.total), oldestPendingAt: row.oldest };
    },
    async deliveryCounts(orgId) {
      // One count for each state, so that an index has all that is read of what is not pending.
      const own = (state: DeliveryState) =>
        db
          .selectFrom("webhooks")
          // Not an inner join: SQLite might look through everybody's deliveries of a state.
          .crossJoin("deliveries")
          .whereRef("deliveries.webhook_id", "=", "webhooks.id")
          .where("webhooks.org_id", "=", orgId)
          .where("webhooks.deleted_at", "is", null)
          .where("deliveries.state", "=", state)
          .limit(MAX_COUNTED);
      const done = async (state: DeliveryState) => {
        const { total } = await db
          .selectFrom(own(state).select("deliveries.event_number").as("counted"))
          .select((eb) => eb.fn.countAll<number | string>().as("total"))
          .executeTakeFirstOrThrow();
        return Number(total);
      };
      const waiting = await db
        .selectFrom(own("pending").select("deliveries.created_at").as("counted"))
        .select((eb) => eb.fn.countAll<number | string>().as("total"))
        .select((eb) => eb.fn.min("counted.created_at").as("oldest"))
        .executeTakeFirstOrThrow();
      return {
        delivered: await done("delivered"),
        failed: await done("failed"),
        pending: Number(waiting.total),
        oldestPendingAt: waiting.oldest,
      };
    },
  } satisfies Partial<WebhookReader>;
}

/** Changes of deliveries. */
export function deliveryWriter(db: Kysely<Schema>) {
  return {
    async insertDeliveries(deliveries) {
      for (let start = 0; start < deliveries.length; start += INSERT_CHUNK) {
        const rows = deliveries.slice(start, start + INSERT_CHUNK).map(rowOf);
        await db
          .insertInto("deliveries")
          .values(rows)
          .onConflict((conflict) => conflict.columns(["webhook_id", "event_number"]).doNothing())
          .execute();
      }
    },
    async updateDelivery(delivery) {
      const { id, ...changes } = rowOf(delivery);
      await db.updateTable("deliveries").set(changes).where("id", "=", id).execute();
    },
    async putDelivery(delivery) {
      const { state, attempts, nextAttemptAt } = delivery;
      await db
        .insertInto("deliveries")
        .values(rowOf(delivery))
        .onConflict((conflict) =>
          conflict
            .columns(["webhook_id", "event_number"])
            .doUpdateSet({ state, attempts, next_attempt_at: nextAttemptAt }),
        )
        .execute();
    },
    async deleteDeliveries(before, limit) {
      const old = await oldEvents(db, before).limit(limit).execute();
      if (old.length === 0) return 0;
      const numbers = old.map(({ number }) => number);
      const own = db.selectFrom("deliveries").select("id").where("event_number", "in", numbers).limit(limit);
      const deliveries = await db.deleteFrom("deliveries").where("id", "in", own).executeTakeFirstOrThrow();
      // An event has a delivery for each webhook: it goes when they are gone.
      if (Number(deliveries.numDeletedRows) === limit) return limit;
      await db.deleteFrom("outbox_events").where("number", "in", numbers).execute();
      return Number(deliveries.numDeletedRows) + numbers.length;
    },
  } satisfies Partial<WebhookWriter>;
}

/** Events from before an instant that nothing waits for, the oldest first. */
function oldEvents(db: Kysely<Schema>, before: Instant) {
  return (
    db
      .selectFrom("outbox_events")
      .select("number")
      .where("created_at", "<", before)
      .where("fanned_out", "=", 1)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom("deliveries")
              .select("deliveries.id")
              .whereRef("deliveries.event_number", "=", "outbox_events.number")
              .where("deliveries.state", "=", "pending"),
          ),
        ),
      )
      // An endpoint that fails is still to get them; it is switched off one day, or they are sent.
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom("webhooks")
              .select("webhooks.id")
              .whereRef("webhooks.org_id", "=", "outbox_events.org_id")
              .where("webhooks.is_active", "=", 1)
              .whereRef("webhooks.behind_after", "<", "outbox_events.number")
              .where("webhooks.failing_since", "is not", null),
          ),
        ),
      )
      .orderBy("created_at")
  );
}
