import type { Kysely } from "kysely";
import type { ConsoleSession } from "../../core/console/console-session.js";
import type { ConsoleSessionReader, ConsoleSessionWriter } from "../console-session-store.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import { preparedFirst } from "./prepared.js";

const { read: sessionOf, write: rowOf } = rowMapping<ConsoleSession, "console_sessions">({});

const byHash = preparedFirst((db, { hash }: { hash: string }) =>
  db.selectFrom("console_sessions").selectAll().where("hash", "=", hash),
);

/** Look-ups of sessions of the console. */
export function consoleSessionReader(db: Kysely<Schema>) {
  return {
    async consoleSession(hash) {
      const row = await byHash(db, { hash });
      return row === undefined ? null : sessionOf(row);
    },
    async consoleSessionsNamed(hashes) {
      if (hashes.length === 0) return [];
      const rows = await db.selectFrom("console_sessions").selectAll().where("hash", "in", hashes).execute();
      return rows.map(sessionOf);
    },
  } satisfies ConsoleSessionReader;
}

/** Changes of sessions of the console. */
export function consoleSessionWriter(db: Kysely<Schema>) {
  return {
    async insertConsoleSession(session) {
      await db.insertInto("console_sessions").values(rowOf(session)).execute();
    },
    async limitConsoleSessions(tokenId, keep) {
      const kept = db
        .selectFrom("console_sessions")
        .select("hash")
        .where("token_id", "=", tokenId)
        .orderBy("seen_at", "desc")
        .orderBy("hash")
        .limit(keep);
      const { numDeletedRows } = await db
        .deleteFrom("console_sessions")
        .where("token_id", "=", tokenId)
        .where("hash", "not in", kept)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
    async touchConsoleSession(hash, at) {
      await db
        .updateTable("console_sessions")
        .set({ seen_at: at })
        .where("hash", "=", hash)
        .where("seen_at", "<", at)
        .execute();
    },
    async deleteConsoleSession({ hash }) {
      await db.deleteFrom("console_sessions").where("hash", "=", hash).execute();
    },
    async deleteConsoleSessions(endedBefore, limit) {
      const old = db
        .selectFrom("console_sessions")
        .select("hash")
        .where("ends_at", "<", endedBefore)
        .orderBy("ends_at")
        .limit(limit);
      const { numDeletedRows } = await db
        .deleteFrom("console_sessions")
        .where("hash", "in", old)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  } satisfies Omit<ConsoleSessionWriter, keyof ConsoleSessionReader>;
}
