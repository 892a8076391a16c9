import { sql, type Kysely } from "kysely";
import type { OutboxEvent } from "../../../core/webhook.js";
import { preparedInsert } from "../prepared.js";
import type { Row, Schema } from "../../schema.js";
import type { EventHeader, WebhookReader, WebhookWriter } from "../../webhook-store.js";

const insert = preparedInsert("outbox_events");

/** Look-ups of outbox events. */
export function eventReader(db: Kysely<Schema>) {
  const all = db.selectFrom("outbox_events").selectAll();
  return {
    async eventsToFanOut(limit) {
      // A literal: SQLite plans a statement anew each time that a limit is bound to it.
      const waiting = all.where("fanned_out", "=", 0).orderBy("number").limit(sql.lit(limit));
      return (await waiting.execute()).map(eventOf);
    },
    async lastFannedOut() {
      const newest = db.selectFrom("outbox_events").select("number").where("fanned_out", "=", 1);
      return (await newest.orderBy("number", "desc").limit(1).executeTakeFirst())?.number ?? 0;
    },
    async lastEvent() {
      const newest = db.selectFrom("outbox_events").select("number").orderBy("number", "desc").limit(1);
      return (await newest.executeTakeFirst())?.number ?? 0;
    },
    async event(number) {
      const row = await all.where("number", "=", number).executeTakeFirst();
      return row === undefined ? null : eventOf(row);
    },
    async eventsAfter(orgId, afterNumber, types, limit) {
      const rows = await all
        .where("org_id", "=", orgId)
        .where("number", ">", afterNumber)
        .where("type", "in", types)
        .where("fanned_out", "=", 1)
        .orderBy("number")
        .limit(sql.lit(limit))
        .execute();
      return rows.map(eventOf);
    },
    async eventHeadersFannedOut(afterNumber, limit) {
      const rows = await db
        .selectFrom("outbox_events")
        .select(["number", "org_id", "type"])
        .where("fanned_out", "=", 1)
        .where("number", ">", afterNumber)
        .orderBy("number")
        .limit(sql.lit(limit))
        .execute();
      return rows.map(({ org_id, ...event }) => ({ ...event, orgId: org_id }));
    },
    async eventHeadersAfter(orgId, afterNumber, limit) {
      const rows = await db
        .selectFrom("outbox_events")
        .select(["number", "id", "org_id", "environment_id", "type", "created_at"])
        .where("org_id", "=", orgId)
        .where("number", ">", afterNumber)
        .where("fanned_out", "=", 1)
        .orderBy("number")
        .limit(sql.lit(limit))
        .execute();
      return rows.map(headerOf);
    },
  } satisfies Partial<WebhookReader>;
}

/** Changes of outbox events. */
export function eventWriter(db: Kysely<Schema>) {
  return {
    async insertEvent({ id, orgId, environmentId, type, body, createdAt, trace }) {
      const row = {
        id,
        org_id: orgId,
        environment_id: environmentId,
        type,
        body,
        created_at: createdAt,
        fanned_out: 0,
        traceparent: trace?.traceparent ?? null,
        tracestate: trace?.tracestate ?? null,
      };
      await insert(db, row);
    },
    async markFannedOut(numbers) {
      if (numbers.length === 0) return new Set();
      const waiting = db.updateTable("outbox_events").set({ fanned_out: 1 }).where("number", "in", numbers);
      const marked = await waiting.where("fanned_out", "=", 0).returning("number").execute();
      return new Set(marked.map(({ number }) => number));
    },
  } satisfies Partial<WebhookWriter>;
}

function eventOf(row: Row<"outbox_events">): OutboxEvent {
  const trace = row.traceparent === null ? null : { traceparent: row.traceparent, tracestate: row.tracestate };
  return { ...headerOf(row), body: row.body, trace };
}

function headerOf(row: Omit<Row<"outbox_events">, "body" | "fanned_out" | "traceparent" | "tracestate">): EventHeader {
  return {
    number: row.number,
    id: row.id,
    orgId: row.org_id,
    environmentId: row.environment_id,
    type: row.type,
    createdAt: row.created_at,
  };
}
