import { Kysely } from "kysely";
import type { ClientBase } from "pg";
import { AppError } from "../../core/error.js";
import { migrate, pendingSteps } from "../migrations/migrate.js";
import { TransactionDriver } from "../transactions/transaction-driver.js";
import { PostgresDialect } from "./dialect.js";
import { PortableTypes, postgresMigrationDialect } from "./migration-dialect.js";
import { Session } from "./session.js";

/** Another lock than that of writes, which do not wait for a migration but where they need its tables. */
const MIGRATION_LOCK = 7_235_419_002;
/** Another node's migration takes so long at most. */
const WAIT_MS = 600_000;

/**
 * Brings the database to the newest schema in one transaction. Nodes that start together wait for the one that does it. Told the steps
 * before, if there are any on a database that has some.
 *
 * Throws as migrations/migrate.ts does; nothing is changed then.
 */
export async function migratePostgres(client: ClientBase, onSteps: (steps: readonly string[]) => void): Promise<void> {
  const session = new Session(client);
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect(new TransactionDriver(session)),
    plugins: [new PortableTypes()],
  });
  await session.send("begin");
  try {
    await session.send(
      `select set_config('lock_timeout', '${WAIT_MS}', true), set_config('statement_timeout', '0', true)`,
    );
    await session.send(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const steps = await pendingSteps(db, postgresMigrationDialect);
    if (steps.length > 0) onSteps(steps);
    await migrate(db, postgresMigrationDialect);
    const { command } = await session.send("commit");
    if (command !== "COMMIT") throw new AppError("internal", "the database rolled the migration back");
  } catch (error) {
    await session.send("rollback").catch(() => undefined);
    throw error;
  }
}
