import type { Kysely } from "kysely";
import type { Webhook } from "../../../core/webhook.js";
import { countRows } from "../paging.js";
import { rowMapping } from "../../row-mapping.js";
import type { NewRow, Row, Schema } from "../../schema.js";
import type { WebhookReader, WebhookWriter } from "../../webhook-store.js";

const webhooks = rowMapping<Omit<Webhook, "outboxCursor">, "webhooks">({
  events: "json",
  is_active: "flag",
  behind_after: "hidden",
  deleted_at: "hidden",
});

/** Look-ups of webhooks. */
export function webhookReader(db: Kysely<Schema>) {
  const kept = db.selectFrom("webhooks").where("deleted_at", "is", null);
  const all = kept.selectAll();
  const activeOf = (orgId: string) => all.where("org_id", "=", orgId).where("is_active", "=", 1);
  return {
    async webhook(orgId, id) {
      const row = await all.where("id", "=", id).where("org_id", "=", orgId).executeTakeFirst();
      return row === undefined ? null : webhookOf(row);
    },
    async webhooks(orgId, { limit, offset }) {
      const own = kept.where("org_id", "=", orgId);
      const newest = own.selectAll().orderBy("created_at", "desc").orderBy("id", "desc");
      const rows = await newest.limit(limit).offset(offset).execute();
      return { rows: rows.map(webhookOf), total: await countRows(own) };
    },
    countWebhooks: (orgId) => countRows(kept.where("org_id", "=", orgId)),
    async activeWebhooks() {
      const rows = await all.where("is_active", "=", 1).orderBy("id").execute();
      return rows.map(webhookOf);
    },
    async liveWebhooks(orgId) {
      const rows = await activeOf(orgId).where("behind_after", "is", null).execute();
      return rows.map(webhookOf);
    },
    async webhooksCatchingUp(orgId) {
      const rows = await activeOf(orgId).where("behind_after", "is not", null).execute();
      return rows.map(webhookOf);
    },
  } satisfies Partial<WebhookReader>;
}

/** Changes of webhooks. */
export function webhookWriter(db: Kysely<Schema>) {
  return {
    async insertWebhook(webhook) {
      await db.insertInto("webhooks").values(rowOf(webhook)).execute();
    },
    async updateWebhook(webhook) {
      const { id, org_id: _org, created_at: _created, ...changes } = rowOf(webhook);
      await db.updateTable("webhooks").set(changes).where("id", "=", id).execute();
    },
    async fallBehind(ids, after) {
      if (ids.length === 0) return;
      await db.updateTable("webhooks").set({ behind_after: after }).where("id", "in", ids).execute();
    },
  } satisfies Partial<WebhookWriter>;
}

function webhookOf({ behind_after, ...row }: Row<"webhooks">): Webhook {
  return { ...webhooks.read(row), outboxCursor: behind_after };
}

function rowOf({ outboxCursor, ...webhook }: Webhook): NewRow<"webhooks"> {
  return { ...webhooks.write(webhook), behind_after: outboxCursor };
}
