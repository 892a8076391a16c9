import { sql, type Kysely } from "kysely";
import { AppError } from "../core/error.js";

/** What a database says of the move of its data to another store, or from one. */
export interface MoveMark {
  /** `moved`: the data is elsewhere now. `unfinished`: the move into this database has not ended. */
  readonly state: "moved" | "unfinished";
  /** Of the move, the same on both sides. */
  readonly id: string;
  /** The other side, for a person: no secrets. */
  readonly other: string;
  /** The `database_id` of the commit_head that the data comes from. */
  readonly source: string;
  /** When it was marked: ISO text. */
  readonly at: string;
}

/**
 * The steps of a marked database. No release knows them, so that each one refuses the database as too new, also those from before this
 * one.
 */
const STEPS = { moved: "9999-moved-to-another-store", unfinished: "9999-move-is-unfinished" } as const;

const TABLE = "store_move";

interface Tables {
  kysely_migration: { name: string; timestamp: string };
  [TABLE]: { mark: string };
}

/** Whether a step is that of a mark. */
export function isMark(step: string): boolean {
  return step === STEPS.moved || step === STEPS.unfinished;
}

/** The mark of a database; null for none. Works on one without any table too. */
export async function readMark<T>(db: Kysely<T>): Promise<MoveMark | null> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === TABLE)) return null;
  const row = await tablesOf(db).selectFrom(TABLE).select("mark").executeTakeFirst();
  return row === undefined ? null : (JSON.parse(row.mark) as MoveMark);
}

/** Marks a database that has the newest schema; replaces another mark. In one transaction of the caller's. */
export async function writeMark<T>(db: Kysely<T>, mark: MoveMark): Promise<void> {
  await sql`create table if not exists ${sql.table(TABLE)} (mark text not null)`.execute(db);
  await removeMark(db);
  await tablesOf(db)
    .insertInto(TABLE)
    .values({ mark: JSON.stringify(mark) })
    .execute();
  await tablesOf(db).insertInto("kysely_migration").values({ name: STEPS[mark.state], timestamp: mark.at }).execute();
}

/** Removes the mark of a database that has the table of one. In one transaction of the caller's. */
export async function removeMark<T>(db: Kysely<T>): Promise<void> {
  await tablesOf(db).deleteFrom("kysely_migration").where("name", "in", Object.values(STEPS)).execute();
  await tablesOf(db).deleteFrom(TABLE).execute();
}

/** Throws `conflict` (`store_moved`, `move_unfinished`) for a database that is marked. */
export async function refuseMarked<T>(db: Kysely<T>, steps: readonly string[]): Promise<void> {
  if (!steps.some(isMark)) return;
  const mark = await readMark(db);
  if (mark === null || mark.state === "moved") {
    const where = mark === null ? "another store" : `${mark.other} at ${mark.at}`;
    throw new AppError(
      "conflict",
      `the data was moved to ${where}, and this copy is not used any more. To go back to it, which loses all changes made there ` +
        "since: signet migrate --undo-mark <sqlite|postgres> (docs/migrate.md)",
      { reason: "store_moved" },
    );
  }
  throw new AppError(
    "conflict",
    `the migration from ${mark.other}, begun at ${mark.at}, has not ended: run signet migrate again, which goes on with it`,
    { reason: "move_unfinished" },
  );
}

function tablesOf<T>(db: Kysely<T>): Kysely<Tables> {
  return db as unknown as Kysely<Tables>;
}
