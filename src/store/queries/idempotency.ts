import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import { preparedFirst } from "./prepared.js";
import type { NewRow, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

/** Waited for, not as preparedInsert: one that fails later fails the works of others too, which are in the same transaction. */
const insert = preparedFirst((db, row: NewRow<"idempotent_answers">) =>
  db
    .insertInto("idempotent_answers")
    .values(row)
    .onConflict((conflict) => conflict.columns(["token_id", "operation", "key"]).doNothing())
    .returning("key"),
);

/** Look-ups of stored answers. */
export function idempotencyReader(db: Kysely<Schema>) {
  return {
    async idempotentAnswer(tokenId, operation, key) {
      const row = await db
        .selectFrom("idempotent_answers")
        .selectAll()
        .where("token_id", "=", tokenId)
        .where("operation", "=", operation)
        .where("key", "=", key)
        .executeTakeFirst();
      if (row === undefined) return null;
      const { request_hash: requestHash, answer, created_at: createdAt } = row;
      return { tokenId, operation, key, requestHash, answer, createdAt };
    },
  } satisfies Partial<Reader>;
}

/** Changes of stored answers. */
export function idempotencyWriter(db: Kysely<Schema>) {
  return {
    async insertIdempotentAnswer({ tokenId, operation, key, requestHash, answer, createdAt }) {
      const row = { token_id: tokenId, operation, key, request_hash: requestHash, answer, created_at: createdAt };
      if ((await insert(db, row)) === undefined) {
        throw new AppError("conflict", "there is an answer under this Idempotency-Key already");
      }
    },
    async deleteIdempotentAnswers(before, limit) {
      const old = db
        .selectFrom("idempotent_answers")
        .select(["token_id", "operation", "key"])
        .where("created_at", "<", before)
        .orderBy("created_at")
        .limit(limit);
      const { numDeletedRows } = await db
        .deleteFrom("idempotent_answers")
        .where((eb) =>
          eb(eb.refTuple("token_id", "operation", "key"), "in", old.$asTuple("token_id", "operation", "key")),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  } satisfies Partial<Writer>;
}
