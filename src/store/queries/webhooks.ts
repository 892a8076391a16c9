import type { Kysely } from "kysely";
import type { Webhook } from "../../core/webhook.js";
import { countRows } from "./paging.js";
import type { NewRow, Row, Schema } from "../schema.js";
import type { WebhookReader, WebhookWriter } from "../webhook-store.js";

/** Look-ups of webhooks. */
export function webhookReader(db: Kysely<Schema>) {
  const webhooks = db.selectFrom("webhooks").where("deleted_at", "is", null);
  const all = webhooks.selectAll();
  const activeOf = (orgId: string) => all.where("org_id", "=", orgId).where("is_active", "=", 1);
  return {
    async webhook(orgId, id) {
      const row = await all.where("id", "=", id).where("org_id", "=", orgId).executeTakeFirst();
      return row === undefined ? null : webhookOf(row);
    },
    async webhooks(orgId, { limit, offset }) {
      const own = webhooks.where("org_id", "=", orgId);
      const newest = own.selectAll().orderBy("created_at", "desc").orderBy("id", "desc");
      const rows = await newest.limit(limit).offset(offset).execute();
      return { rows: rows.map(webhookOf), total: await countRows(own) };
    },
    countWebhooks: (orgId) => countRows(webhooks.where("org_id", "=", orgId)),
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

function webhookOf(row: Row<"webhooks">): Webhook {
  return {
    id: row.id,
    orgId: row.org_id,
    url: row.url,
    events: JSON.parse(row.events) as string[],
    isActive: row.is_active === 1,
    secret: row.secret,
    previousSecret: row.previous_secret,
    previousSecretExpiresAt: row.previous_secret_expires_at,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    outboxCursor: row.behind_after,
    createdAt: row.created_at,
  };
}

function rowOf(webhook: Webhook): NewRow<"webhooks"> {
  return {
    id: webhook.id,
    org_id: webhook.orgId,
    url: webhook.url,
    events: JSON.stringify(webhook.events),
    is_active: webhook.isActive ? 1 : 0,
    secret: webhook.secret,
    previous_secret: webhook.previousSecret,
    previous_secret_expires_at: webhook.previousSecretExpiresAt,
    disabled_reason: webhook.disabledReason,
    failing_since: webhook.failingSince,
    behind_after: webhook.outboxCursor,
    created_at: webhook.createdAt,
  };
}
