import { randomUUID } from "node:crypto";
import { databaseConfig } from "../config/database-settings.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";
import { AppError } from "../core/error.js";
import { problem, warning, type Finding } from "../core/finding.js";
import { examinationOf } from "./database/server-database.js";
import type { DirectClient, Pools } from "../store/postgres/connect.js";
import { examineDatabase } from "./diagnosis/diagnosis.js";

/** What cannot be examined: the checks read tables that are not there. */
const OTHER_SCHEMA: Readonly<Record<"none" | "earlier", Finding>> = {
  none: warning(
    "database",
    "PostgreSQL can be used, and has no data of Signet",
    "start a server on it, or correct SIGNET_DATABASE_URL",
  ),
  earlier: warning(
    "database",
    "PostgreSQL can be used, and has the schema of an earlier release",
    "start a server of this release, which migrates it (docs/upgrade.md), or examine it with that release",
  ),
};

/**
 * Examines the PostgreSQL of the settings without a server, and changes nothing in it: what keeps it from being reached is a finding. Audit
 * chains and keys are left to a running node, which has the keys.
 */
export async function diagnoseDatabase(config: Config, full: boolean): Promise<readonly Finding[]> {
  const connection = databaseConfig(config);
  if (connection === null) throw new TypeError("no database URL");
  const [{ createPools }, { PostgresStore }, { schemaState }] = await Promise.all([
    import("../store/postgres/connect.js"),
    import("../store/postgres/store.js"),
    import("../store/postgres/migrate.js"),
  ]);
  const pools = createPools({ ...connection, applicationName: "signet doctor" }, () => undefined);
  // Not followed: that would write.
  await using store = new PostgresStore(pools, randomUUID());
  try {
    await pools.check();
    const state = await schemaOf(pools, schemaState);
    if (state !== "newest") return [OTHER_SCHEMA[state]];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [problem("database", error.message, "check SIGNET_DATABASE_URL, and the server's own log")];
  }
  const shared = await examinationOf(pools);
  return await examineDatabase({ shared, read: store.read, clock: systemClock, config, full });
}

async function schemaOf<T>(
  { connectDirect }: Pick<Pools, "connectDirect">,
  read: (client: DirectClient) => Promise<T>,
) {
  const client = await connectDirect();
  try {
    return await read(client);
  } finally {
    await client.end();
  }
}
