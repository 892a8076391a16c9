import { createPools } from "./connect.js";
import { postgresError } from "./errors.js";
import { migratePostgres } from "./migrate.js";
import type { ConnectionNotice, PostgresOptions } from "./options.js";
import { PostgresStore } from "./store.js";

/** Which database is opened, and by which process. */
export interface OpenPostgresOptions extends PostgresOptions {
  /** Names this process in the log of changes and in what it claims. */
  readonly nodeId: string;
  readonly onNotice?: (notice: ConnectionNotice) => void;
  /** Told the steps before an existing database gets a newer schema. */
  readonly onUpgrade?: (steps: readonly string[]) => void;
}

/**
 * Opens a database that other nodes may share, brings it to the newest schema and follows its changes from here on.
 *
 * Throws `invalid` for a server that Signet does not run on, `unavailable` when none of the hosts takes writes, `conflict` when the
 * database is from a newer release, and `internal` when a migration fails. Nothing stays open then.
 */
export async function openPostgresStore(options: OpenPostgresOptions): Promise<PostgresStore> {
  const { nodeId, onNotice = () => undefined, onUpgrade = () => undefined, ...connections } = options;
  const pools = createPools(connections, onNotice);
  try {
    await pools.check();
    const client = await pools.connectDirect();
    try {
      await migratePostgres(client, onUpgrade);
    } finally {
      await client.end();
    }
    const store = new PostgresStore(pools, nodeId);
    await store.feed.start();
    return store;
  } catch (error) {
    await pools[Symbol.asyncDispose]();
    throw postgresError(error);
  }
}
