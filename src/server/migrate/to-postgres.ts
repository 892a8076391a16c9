import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import { instantOf, systemClock } from "../../core/clock.js";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { createAudit } from "../../service/audit/audit.js";
import { openSigningKeys, type SigningKeys } from "../../service/keys/key-files.js";
import { keepPublicKeys } from "../../service/keys/key-records.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { KeySealer } from "../../service/keys/key-sealer.js";
import { keyEventRecorder } from "../../service/rotation/key-events.js";
import { hasNewestSchema } from "../../store/migrations/migrate.js";
import { readMark, removeMark, writeMark, type MoveMark } from "../../store/move-mark.js";
import { PostgresBulk } from "../../store/postgres/bulk.js";
import { postgresMigrationDialect } from "../../store/postgres/migration-dialect.js";
import { SqliteBulk } from "../../store/sqlite/bulk.js";
import { lockDataDirectory } from "../../store/sqlite/lock.js";
import { MOVED_TABLES, STAYING_TABLES } from "../../store/tables.js";
import { DATABASE_FILE, openDataDirectory, type DataDirectory } from "../database/data-directory.js";
import { compareTables, copyTables, readTables, type TableSum } from "./copy-tables.js";
import { areSame, recordMove, rowsOf, totalsOf, type Moved, type MoveOptions } from "./move.js";
import { sealedKeysOf } from "./moved-keys.js";
import { verifyMoved, type Verified } from "./verify-moved.js";

/**
 * Moves the data of a stopped server from its data directory into a PostgreSQL database that has none: all rows in one transaction,
 * compared with what was read and verified before it is committed. Then the directory is marked as moved, and the database is released for
 * nodes. What an interrupted run left is gone on with.
 *
 * Throws `conflict` while a server owns the directory, when its data was moved before, and for a database with other data;
 * `not_found` without a database in the directory; `data_loss` for what does not verify; and what opening both throws.
 */
export async function moveToPostgres(options: MoveOptions): Promise<Moved> {
  const { config } = options;
  const sealer = new KeySealer(config.keySecret);
  await using target = await PostgresBulk.open(options.database, ({ message }) => options.onNotice(message));
  let directory: DataDirectory;
  try {
    directory = await openSource(options);
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== "store_moved") throw error;
    return await finishMoved(options, target, error);
  }
  await using source = directory;
  const { keys, store } = source;
  if (keys.problem !== null)
    throw new AppError("signing_failed", `the bundle signing key cannot be used: ${keys.problem}`);
  if (source.readOnly !== null) throw new AppError("unavailable", source.readOnly);
  if (source.doubt !== null) options.onNotice(`the database may be an older copy: ${source.doubt}`);
  const recorder = createAudit({ store, clock: systemClock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
  await keepPublicKeys(store, systemClock, keys, source.lastKeys, keyEventRecorder(recorder));

  const { mark, tables, verified } = await fill(options, source, target, sealer);
  await markSource(source, { ...mark, state: "moved", other: target.name, at: instantOf(systemClock.now()) });
  await release(target, keys, mark, tables);
  const from = `the data directory ${source.path}`;
  return { id: mark.id, from, to: target.name, rows: rowsOf(tables), tables, verified };
}

async function openSource({ config }: MoveOptions): Promise<DataDirectory> {
  return await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    nextSigningKey: config.nextSigningKey,
    synchronous: config.synchronous,
    nativeDirectory: config.nativeDirectory,
    create: false,
    withoutUpgradeCopy: config.upgradeCopy === "no",
  });
}

interface Filled {
  readonly mark: MoveMark;
  readonly tables: readonly TableSum[];
  readonly verified: Verified;
}

/** Until it is released, no node starts on the database. */
async function fill(
  options: MoveOptions,
  source: DataDirectory,
  target: PostgresBulk,
  sealer: KeySealer,
): Promise<Filled> {
  await using rows = SqliteBulk.openToRead(source.database);
  const mark = await reserve(target, {
    ...{ state: "unfinished", id: randomUUID(), source: rows.databaseId },
    ...{ other: `the data directory ${source.path}`, at: instantOf(systemClock.now()) },
  });
  try {
    await target.begin();
    const tables = await copyUnlessThere(options, rows, target);
    const at = instantOf(systemClock.now());
    const sealed = await sealedKeysOf(source.path, options.config, sealer, at);
    const { writer } = target;
    await target.empty(["sealed_keys"]);
    for (const key of sealed) await writer.putSealedKey(key);
    const ring = new KeyRing({ store: target, keys: source.keys });
    const verified = await verifyMoved(target.read, ring, totalsOf(tables), options);
    await target.analyze(MOVED_TABLES.map(({ name }) => name));
    options.signal.throwIfAborted();
    await target.commit();
    return { mark, tables, verified };
  } catch (error) {
    await target.rollback();
    throw error;
  }
}

/** Makes the schema and marks it as this move's, unless it is marked so already. */
async function reserve(target: PostgresBulk, mark: MoveMark): Promise<MoveMark> {
  const found = await readMark(target.db);
  if (found !== null) return await takeUp(target, found, mark);
  await target.migrate();
  await target.transaction(async (_tx, db) => {
    const filled = await firstFilled(target);
    if (filled !== null) {
      const message = `${target.name} has data already (${filled}): use an empty database`;
      throw new AppError("conflict", message, { reason: "not_empty" });
    }
    await writeMark(db, mark);
  });
  return mark;
}

async function takeUp(target: PostgresBulk, found: MoveMark, { source }: MoveMark): Promise<MoveMark> {
  if (found.state === "moved") {
    const message = `the data of ${target.name} was moved to ${found.other} at ${found.at}: use an empty database`;
    throw new AppError("conflict", message, { reason: "not_empty" });
  }
  if (found.source !== source) {
    const message = `${target.name} has an unfinished migration from another database, ${found.other}: use an empty database`;
    throw new AppError("conflict", message, { reason: "not_empty" });
  }
  if (await hasNewestSchema(target.db, postgresMigrationDialect)) return found;
  const message = `another release of Signet began to migrate into ${target.name}: go on with that one, or use an empty database`;
  throw new AppError("conflict", message, { reason: "not_empty" });
}

async function firstFilled(target: PostgresBulk): Promise<string | null> {
  for (const name of [...MOVED_TABLES.map((it) => it.name), "sealed_keys"]) {
    if (await target.hasRows(name)) return name;
  }
  return null;
}

/** What an earlier run has committed stays if the source is still the same: it may have run since. */
async function copyUnlessThere(
  options: MoveOptions,
  source: SqliteBulk,
  target: PostgresBulk,
): Promise<readonly TableSum[]> {
  if ((await firstFilled(target)) !== null) {
    const [these, those] = [await readTables(source, options), await readTables(target, options)];
    if (areSame(these, those)) return these;
    options.onNotice("the data directory was changed since the interrupted migration: all is copied again");
    // Those that stay too: one of them refers to webhooks.
    await target.empty([...MOVED_TABLES.map(({ name }) => name), ...Object.keys(STAYING_TABLES)]);
  }
  const copied = await copyTables(source, target, options);
  await compareTables(target, copied, options);
  return copied;
}

async function markSource({ database }: Pick<DataDirectory, "database">, mark: MoveMark): Promise<void> {
  await using source = SqliteBulk.openToWrite(database);
  await source.transaction((_tx, db) => writeMark(db, mark));
}

/** Lets nodes start on the database, and says in its audit where it comes from. */
async function release(
  target: PostgresBulk,
  keys: SigningKeys,
  mark: MoveMark,
  tables: readonly TableSum[],
): Promise<void> {
  await target.transaction(async (tx, db) => {
    await removeMark(db);
    await recordMove(tx, keys, mark, { from: "sqlite", to: "postgres", rows: rowsOf(tables) });
  });
}

/** After a crash between the marks of both sides: everything is there and verified. */
async function finishMoved(options: MoveOptions, target: PostgresBulk, refusal: AppError): Promise<Moved> {
  const { data, signingKey, nextSigningKey, nativeDirectory } = options.config;
  const path = resolve(data);
  const nativeBinding = openNativeBinding(nativeDirectory ?? join(path, "native"));
  const native = defined({ nativeBinding });
  await using _lock = lockDataDirectory(path, native);
  await using source = SqliteBulk.openToRead({ file: join(path, DATABASE_FILE), ...native });
  const [mark, there] = [await readMark(source.db), await readMark(target.db)];
  if (there?.state !== "unfinished" || there.id !== mark?.id) throw refusal;
  const tables = await readTables(source, options);
  await release(target, openSigningKeys(path, signingKey, !existsSync(path), nextSigningKey), there, tables);
  const from = `the data directory ${path}`;
  return { id: there.id, from, to: target.name, rows: rowsOf(tables), tables, verified: null };
}
