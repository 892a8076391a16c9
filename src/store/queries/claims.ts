import { sql, type Kysely } from "kysely";
import { addSeconds } from "../../core/clock.js";
import type { Claim, ClaimReader, ClaimWriter } from "../claim-store.js";
import type { Schema } from "../schema.js";

/** A statement must not have too many parameters. */
const CHUNK = 500;
/** What ends so long after a new claim was written by a clock that was wrong. */
const WRONG_SECONDS = 60;

const wrongFrom = ({ until }: Claim) => addSeconds(until, WRONG_SECONDS);

/** Look-ups of claims. */
export function claimReader(db: Kysely<Schema>) {
  return {
    async webhooksToClaim(claim, orgIds) {
      const all = db.selectFrom("webhooks").select(["webhooks.id", "webhooks.org_id"]);
      const among = orgIds === null ? all : all.where("webhooks.org_id", "in", orgIds);
      const rows = await among
        .where("webhooks.is_active", "=", 1)
        .where("webhooks.deleted_at", "is", null)
        .where((eb) => {
          const held = eb
            .selectFrom("webhook_claims")
            .select("webhook_claims.webhook_id")
            .whereRef("webhook_claims.webhook_id", "=", "webhooks.id")
            .where("webhook_claims.claimed_by", "<>", claim.nodeId)
            .where("webhook_claims.claimed_until", ">", claim.at)
            .where("webhook_claims.claimed_until", "<=", wrongFrom(claim));
          return eb.not(eb.exists(held));
        })
        .where((eb) => {
          const waiting = eb
            .selectFrom("deliveries")
            .select("deliveries.id")
            .whereRef("deliveries.webhook_id", "=", "webhooks.id")
            .where("deliveries.state", "=", "pending");
          return eb.or([eb("webhooks.behind_after", "is not", null), eb.exists(waiting)]);
        })
        .orderBy("webhooks.id")
        .execute();
      return rows.map(({ id, org_id }) => ({ id, orgId: org_id }));
    },
    async jobDueAt(name) {
      const row = await db.selectFrom("timed_jobs").select("due_at").where("name", "=", name).executeTakeFirst();
      return row?.due_at ?? null;
    },
  } satisfies ClaimReader;
}

/** Changes of claims. */
export function claimWriter(db: Kysely<Schema>) {
  return {
    async claimWebhooks(ids, claim) {
      const claimed = new Set<string>();
      for (let start = 0; start < ids.length; start += CHUNK) {
        const chunk = ids.slice(start, start + CHUNK);
        const active = db
          .selectFrom("webhooks")
          .select(["id", sql.val(claim.nodeId).as("claimed_by"), sql.val(claim.until).as("claimed_until")])
          .where("id", "in", chunk)
          .where("is_active", "=", 1)
          .where("deleted_at", "is", null);
        const rows = await db
          .insertInto("webhook_claims")
          .columns(["webhook_id", "claimed_by", "claimed_until"])
          .expression(active)
          .onConflict((conflict) =>
            conflict
              .column("webhook_id")
              .doUpdateSet({ claimed_by: claim.nodeId, claimed_until: claim.until })
              .where((eb) =>
                eb.or([
                  eb("webhook_claims.claimed_by", "=", claim.nodeId),
                  eb("webhook_claims.claimed_until", "<=", claim.at),
                  eb("webhook_claims.claimed_until", ">", wrongFrom(claim)),
                ]),
              ),
          )
          .returning("webhook_id")
          .execute();
        for (const { webhook_id } of rows) claimed.add(webhook_id);
      }
      return claimed;
    },
    async releaseWebhooks(nodeId) {
      await db.deleteFrom("webhook_claims").where("claimed_by", "=", nodeId).execute();
    },
    async claimJob(name, claim) {
      const row = await db
        .insertInto("timed_jobs")
        .values({ name, due_at: claim.at, claimed_by: claim.nodeId, claimed_until: claim.until })
        .onConflict((conflict) =>
          conflict
            .column("name")
            .doUpdateSet({ claimed_by: claim.nodeId, claimed_until: claim.until })
            .where((eb) =>
              eb.or([eb("timed_jobs.due_at", "<=", claim.at), eb("timed_jobs.due_at", ">", wrongFrom(claim))]),
            )
            .where((eb) =>
              eb.or([
                eb("timed_jobs.claimed_by", "is", null),
                eb("timed_jobs.claimed_until", "<=", claim.at),
                eb("timed_jobs.claimed_until", ">", wrongFrom(claim)),
              ]),
            ),
        )
        .returning("name")
        .executeTakeFirst();
      return row !== undefined;
    },
    async endJob(name, nodeId, dueAt) {
      await db
        .updateTable("timed_jobs")
        .set({ due_at: dueAt, claimed_by: null, claimed_until: null })
        .where("name", "=", name)
        .where("claimed_by", "=", nodeId)
        .execute();
    },
  } satisfies Omit<ClaimWriter, keyof ClaimReader>;
}
