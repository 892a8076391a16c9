import type { Kysely } from "kysely";
import type { Schema } from "../../schema.js";
import type { WebhookReader } from "../../webhook-store.js";

/** Deliveries that are looked at; those of webhooks that are switched off are among them. */
const MAX_LOOKED_AT = 10_000;

/** Look-ups of what waits for webhooks. */
export function backlogReader(db: Kysely<Schema>) {
  return {
    async webhookBacklog() {
      const oldest = db
        .selectFrom("deliveries")
        .select(["webhook_id", "created_at"])
        .where("state", "=", "pending")
        .orderBy("created_at")
        .limit(MAX_LOOKED_AT);
      const { pending, oldest_at } = await db
        .selectFrom(oldest.as("oldest"))
        .innerJoin("webhooks", "webhooks.id", "oldest.webhook_id")
        .where("webhooks.is_active", "=", 1)
        .select((eb) => eb.fn.countAll<number | string>().as("pending"))
        .select((eb) => eb.fn.min("oldest.created_at").as("oldest_at"))
        .executeTakeFirstOrThrow();
      const unseen = await db
        .selectFrom("outbox_events")
        .select("created_at")
        .where("fanned_out", "=", 0)
        .orderBy("number")
        .limit(1)
        .executeTakeFirst();
      const [oldestAt] = [oldest_at, unseen?.created_at].filter((at) => typeof at === "string").sort();
      return { pending: Number(pending), oldestAt: oldestAt ?? null };
    },
  } satisfies Partial<WebhookReader>;
}
