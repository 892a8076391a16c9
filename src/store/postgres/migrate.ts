import { Kysely } from "kysely";
import type { ClientBase } from "pg";
import { AppError } from "../../core/error.js";
import { isNewest, migrate, pendingSteps } from "../migrations/migrate.js";
import { TransactionDriver } from "../transactions/transaction-driver.js";
import { PostgresDialect } from "./dialect.js";
import { PortableTypes, postgresMigrationDialect } from "./migration-dialect.js";
import { isRetryable } from "./errors.js";
import { refuseWithoutCreate } from "./refusals.js";
import { Session, WRITE_LOCK } from "./session.js";

/** Nodes that start together migrate one after the other: all but the first find nothing to do. */
const MIGRATION_LOCK = 7_235_419_002;
/** Another node's migration takes so long at most. */
const WAIT_MS = 600_000;
/** How often it begins anew when a read of another node, which it waited for, waited for it. */
const ATTEMPTS = 5;

/**
 * Brings the database to the newest schema in one transaction. Nodes that start together wait for the one that does it. Told the steps
 * before, if there are any on a database that has some.
 *
 * Writes of nodes that work on the database wait for it, if there are steps to take: each would have some tables, and want others. Their
 * reads wait for the tables that are changed.
 *
 * Throws as migrations/migrate.ts does; nothing is changed then.
 */
export async function migratePostgres(client: ClientBase, onSteps: (steps: readonly string[]) => void): Promise<void> {
  let tell = onSteps;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await migrateOnce(client, tell);
      return;
    } catch (error) {
      const isInTheWay = isRetryable(error) || isRetryable((error as Error).cause);
      if (!isInTheWay || attempt === ATTEMPTS) throw error;
      tell = () => undefined;
    }
  }
}

/**
 * Whether the database has the newest schema, that of an earlier release, or none of Signet's. Changes nothing. Throws `conflict` for the
 * schema of a later release and for a database whose data was moved.
 */
export async function schemaState(client: ClientBase): Promise<"newest" | "earlier" | "none"> {
  const session = new Session(client);
  const db = databaseOf(session);
  await session.send("begin isolation level read committed read only");
  try {
    if ((await pendingSteps(db, postgresMigrationDialect)).length > 0) return "earlier";
    return (await isNewest(db, postgresMigrationDialect)) ? "newest" : "none";
  } finally {
    await session.send("rollback").catch(() => undefined);
  }
}

function databaseOf(session: Session): Kysely<unknown> {
  return new Kysely<unknown>({
    dialect: new PostgresDialect(new TransactionDriver(session)),
    plugins: [new PortableTypes()],
  });
}

async function migrateOnce(client: ClientBase, onSteps: (steps: readonly string[]) => void): Promise<void> {
  const session = new Session(client);
  const db = databaseOf(session);
  await session.send("begin isolation level read committed");
  try {
    await session.send(
      `select set_config('lock_timeout', '${WAIT_MS}', true), set_config('statement_timeout', '0', true)`,
    );
    await session.send(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const steps = await pendingSteps(db, postgresMigrationDialect);
    if (steps.length > 0) {
      onSteps(steps);
      await session.send(`select pg_advisory_xact_lock(${WRITE_LOCK})`);
    }
    if (!(await isNewest(db, postgresMigrationDialect))) await refuseWithoutCreate(client);
    await migrate(db, postgresMigrationDialect);
    const { command } = await session.send("commit");
    if (command !== "COMMIT") throw new AppError("internal", "the database rolled the migration back");
  } catch (error) {
    await session.send("rollback").catch(() => undefined);
    throw error;
  }
}
