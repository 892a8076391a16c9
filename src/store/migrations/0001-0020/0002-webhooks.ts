import type { Kysely, Migration } from "kysely";
import type { MigrationDialect } from "../dialect.js";

/** Webhooks, the outbox, and the deliveries. */
export function webhooks(dialect: MigrationDialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("webhooks")
        .addColumn("id", "text", (c) => c.primaryKey().notNull())
        .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
        .addColumn("url", "text", (c) => c.notNull())
        .addColumn("events", "text", (c) => c.notNull())
        .addColumn("is_active", "integer", (c) => c.notNull())
        .addColumn("secret", "text")
        .addColumn("previous_secret", "text")
        .addColumn("previous_secret_expires_at", "text")
        .addColumn("disabled_reason", "text")
        .addColumn("failing_since", "text")
        .addColumn("created_at", "text", (c) => c.notNull())
        .execute();
      await index(db, "webhooks", ["org_id", "created_at", "id"]);

      await db.schema
        .createTable("outbox_events")
        .addColumn("number", "integer", (c) => dialect.countingId(c))
        .addColumn("id", "text", (c) => c.notNull())
        .addColumn("org_id", "text", (c) => c.notNull())
        .addColumn("environment_id", "text")
        .addColumn("type", "text", (c) => c.notNull())
        .addColumn("body", "text", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("fanned_out", "integer", (c) => c.notNull())
        .execute();
      await index(db, "outbox_events", ["fanned_out", "number"]);
      await index(db, "outbox_events", ["org_id", "number"]);
      await index(db, "outbox_events", ["created_at", "number"]);

      await db.schema
        .createTable("deliveries")
        .addColumn("id", "text", (c) => c.primaryKey().notNull())
        .addColumn("webhook_id", "text", (c) => c.notNull().references("webhooks.id").onDelete("cascade"))
        .addColumn("event_number", "integer", (c) => c.notNull().references("outbox_events.number").onDelete("cascade"))
        .addColumn("event_id", "text", (c) => c.notNull())
        .addColumn("event_type", "text", (c) => c.notNull())
        .addColumn("environment_id", "text")
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("attempts", "integer", (c) => c.notNull())
        .addColumn("next_attempt_at", "text")
        .addColumn("last_attempt_at", "text")
        .addColumn("last_status", "integer")
        .addColumn("last_latency_ms", "integer")
        .addColumn("last_error", "text")
        .addColumn("last_body", "text")
        .addColumn("created_at", "text", (c) => c.notNull())
        .addUniqueConstraint("deliveries_event", ["webhook_id", "event_number"])
        .execute();
      await index(db, "deliveries", ["webhook_id", "state", "attempts", "event_number"]);
      await index(db, "deliveries", ["webhook_id", "state", "next_attempt_at"]);
      await index(db, "deliveries", ["event_number"]);
      await index(db, "deliveries", ["state", "created_at"]);

      await db.schema
        .createTable("expiry_notices")
        .addColumn("token_id", "integer", (c) => c.notNull().references("tokens.id").onDelete("cascade"))
        .addColumn("expires_at", "text", (c) => c.notNull())
        .addColumn("days_before", "integer", (c) => c.notNull())
        .addPrimaryKeyConstraint("expiry_notices_pk", ["token_id", "expires_at", "days_before"])
        .execute();
      await index(db, "tokens", ["expires_at"]);
    },
  };
}

async function index(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join("_")}`)
    .on(table)
    .columns(columns)
    .execute();
}
