import type { Kysely } from "kysely";
import type { Schema } from "../schema.js";
import type { WebhookReader, WebhookWriter } from "../webhook-store.js";

export function expiryReader(db: Kysely<Schema>): Pick<WebhookReader, "tokensExpiring"> {
  return {
    async tokensExpiring(from, until, daysBefore) {
      const rows = await db
        .selectFrom("tokens")
        .select(["id", "org_id", "expires_at"])
        .where("expires_at", ">", from)
        .where("expires_at", "<=", until)
        .where("revoked_at", "is", null)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom("expiry_notices")
                .select("expiry_notices.token_id")
                .whereRef("expiry_notices.token_id", "=", "tokens.id")
                .whereRef("expiry_notices.expires_at", "=", "tokens.expires_at")
                .where("expiry_notices.days_before", "=", daysBefore),
            ),
          ),
        )
        .orderBy("expires_at")
        .execute();
      return rows.map((row) => ({ orgId: row.org_id, id: row.id, expiresAt: row.expires_at ?? "" }));
    },
  };
}

export function expiryWriter(db: Kysely<Schema>): Pick<WebhookWriter, "putExpiryNotice"> {
  return {
    async putExpiryNotice(tokenId, expiresAt, daysBefore) {
      await db
        .insertInto("expiry_notices")
        .values({ token_id: tokenId, expires_at: expiresAt, days_before: daysBefore })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
  };
}
