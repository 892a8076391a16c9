import { Migrator, type Kysely, type Migration } from "kysely";
import { AppError } from "../../core/error.js";
import { initial } from "./0001-0020/0001-initial.js";
import { webhooks } from "./0001-0020/0002-webhooks.js";
import { pipelines } from "./0001-0020/0003-pipelines.js";
import { history } from "./0001-0020/0004-history.js";
import { traceContext } from "./0001-0020/0005-trace-context.js";
import { webhookPlaces } from "./0001-0020/0006-webhook-places.js";
import { sources } from "./0001-0020/0007-sources.js";
import { commitHead } from "./0001-0020/0008-commit-head.js";
import { holds } from "./0001-0020/0009-holds.js";
import { reportedSequence } from "./0001-0020/0010-reported-sequence.js";
import { keyOwners } from "./0001-0020/0011-key-owners.js";
import { activationTimes } from "./0001-0020/0012-activation-times.js";
import { slugs } from "./0001-0020/0013-slugs.js";
import { deletions } from "./0001-0020/0014-deletions.js";
import { actors } from "./0001-0020/0015-actors.js";
import { schemas } from "./0001-0020/0016-schemas.js";
import { protection } from "./0001-0020/0017-protection.js";
import { imports } from "./0001-0020/0018-imports.js";
import { presence } from "./0001-0020/0019-presence.js";
import { trustedKeys } from "./0001-0020/0020-trusted-keys.js";
import { sealedKeys } from "./0021-0040/0021-sealed-keys.js";
import { claims } from "./0021-0040/0022-claims.js";
import { nodes } from "./0021-0040/0023-nodes.js";
import { nodeChanges } from "./0021-0040/0024-node-changes.js";
import { trust } from "./0021-0040/0025-trust.js";
import { auditLog } from "./0021-0040/0026-audit-log.js";
import { consoleSessions } from "./0021-0040/0027-console-sessions.js";
import { deploymentSearch } from "./0021-0040/0028-deployment-search.js";
import { mediaTypes } from "./0021-0040/0029-media-types.js";
import type { MigrationDialect } from "./dialect.js";
import { isMark, refuseMarked } from "../move-mark.js";

/** A list in code, not a folder that is read: the program may be one bundled file. */
function migrationsOf(dialect: MigrationDialect): Record<string, Migration> {
  return {
    "0001-initial": initial(dialect),
    "0002-webhooks": webhooks(dialect),
    "0003-pipelines": pipelines(),
    "0004-history": history(),
    "0005-trace-context": traceContext,
    "0006-webhook-places": webhookPlaces,
    "0007-sources": sources,
    "0008-commit-head": commitHead,
    "0009-holds": holds,
    "0010-reported-sequence": reportedSequence,
    "0011-key-owners": keyOwners,
    "0012-activation-times": activationTimes,
    "0013-slugs": slugs,
    "0014-deletions": deletions,
    "0015-actors": actors(dialect),
    "0016-schemas": schemas,
    "0017-protection": protection,
    "0018-imports": imports,
    "0019-presence": presence,
    "0020-trusted-keys": trustedKeys,
    "0021-sealed-keys": sealedKeys,
    "0022-claims": claims,
    "0023-nodes": nodes,
    "0024-node-changes": nodeChanges(dialect),
    "0025-trust": trust,
    "0026-audit-log": auditLog(dialect),
    "0027-console-sessions": consoleSessions,
    "0028-deployment-search": deploymentSearch,
    "0029-media-types": mediaTypes,
  };
}

/**
 * Brings a database to the newest schema, all steps in one transaction; does nothing to one that is there already.
 *
 * Throws `conflict` when the database has a step that this release does not know or its data was moved (move-mark.ts), and `internal`
 * when a step fails: nothing is changed then.
 */
export async function migrate<T>(db: Kysely<T>, dialect: MigrationDialect): Promise<void> {
  const migrations = migrationsOf(dialect);
  await refuseNewer(db, Object.keys(migrations));
  // Steps of branches that met on main: a database may have a later one without an earlier one.
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    allowUnorderedMigrations: true,
  });
  const { error } = await migrator.migrateToLatest();
  if (error instanceof AppError)
    throw new AppError(error.code, `the database could not be migrated: ${error.message}`, { cause: error });
  if (error === undefined) return;
  const why = error instanceof Error ? error.message : "of an unknown error";
  throw new AppError("internal", `the database could not be migrated: ${why}`, { cause: error });
}

/** The newest step that this release knows. */
export function newestStep(dialect: MigrationDialect): string {
  return Object.keys(migrationsOf(dialect)).at(-1) ?? "";
}

/** Whether a database has the newest schema: nothing is to be done, and nothing unknown is in it. Throws `conflict` when its data was moved. */
export async function isNewest<T>(db: Kysely<T>, dialect: MigrationDialect): Promise<boolean> {
  await refuseMarked(db, await stepsOf(db));
  return await hasNewestSchema(db, dialect);
}

/** As isNewest, for a database that may be marked (move-mark.ts). */
export async function hasNewestSchema<T>(db: Kysely<T>, dialect: MigrationDialect): Promise<boolean> {
  const done = (await stepsOf(db)).filter((name) => !isMark(name));
  const names = Object.keys(migrationsOf(dialect));
  return done.length === names.length && done.every((name) => names.includes(name));
}

/**
 * The steps that `migrate` would take, in their order; none for a database without any, which is a new one. Throws `conflict` as
 * `migrate` does.
 */
export async function pendingSteps<T>(db: Kysely<T>, dialect: MigrationDialect): Promise<readonly string[]> {
  const names = Object.keys(migrationsOf(dialect));
  await refuseNewer(db, names);
  const done = await stepsOf(db);
  return done.length === 0 ? [] : names.filter((name) => !done.includes(name));
}

async function refuseNewer<T>(db: Kysely<T>, known: readonly string[]): Promise<void> {
  const steps = await stepsOf(db);
  await refuseMarked(db, steps);
  const unknown = steps.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new AppError(
    "conflict",
    `the database is from a newer release of Signet (it has the migration "${unknown}", which this release does not know): ` +
      "start that release, or restore a backup",
  );
}

async function stepsOf<T>(db: Kysely<T>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "kysely_migration")) return [];
  const rows = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom("kysely_migration")
    .select("name")
    .execute();
  return rows.map(({ name }) => name);
}
