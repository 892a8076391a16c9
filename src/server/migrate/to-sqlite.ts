import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import { instantOf, systemClock } from "../../core/clock.js";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { KeySealer } from "../../service/keys/key-sealer.js";
import { openKeySet, type KeySet } from "../../service/keys/sealed-key-set.js";
import { liveNodes } from "../../service/nodes/live-nodes.js";
import { readMark, removeMark, writeMark, type MoveMark } from "../../store/move-mark.js";
import { PostgresBulk } from "../../store/postgres/bulk.js";
import { SqliteBulk } from "../../store/sqlite/bulk.js";
import { lockDataDirectory } from "../../store/sqlite/lock.js";
import { migrateCopy } from "../../store/sqlite/open-copy.js";
import { Staging } from "../backups/staging.js";
import { requireSafeDataDirectory } from "../database/data-directory-safety.js";
import { DATABASE_FILE } from "../database/data-directory.js";
import { compareTables, copyTables, readTables, type TableSum } from "./copy-tables.js";
import { areSame, recordMove, rowsOf, totalsOf, type Moved, type MoveOptions } from "./move.js";
import { keysOfSet, requireGiven, writeKeyFiles } from "./moved-keys.js";
import { verifyMoved, type Verified } from "./verify-moved.js";

/**
 * Moves the data of a PostgreSQL database, on which no node runs, into a new data directory, which is built beside its place and appears
 * whole. Then the database is marked as moved, and the directory is released for a server. What an interrupted run left is gone on with.
 *
 * Throws `conflict` while a node runs, when the data was moved before, and for a directory that is not empty; `not_found` for a database
 * without data; `invalid` for a wrong secret; `signing_failed` for a key that must be set; `data_loss` for what does not verify.
 */
export async function moveToSqlite(options: MoveOptions): Promise<Moved> {
  const path = resolve(options.config.data);
  const place = placeAt(path, options.config.nativeDirectory);
  const sealer = new KeySealer(options.config.keySecret);
  await using source = await PostgresBulk.open(options.database, ({ message }) => options.onNotice(message));
  const found = await readMark(source.db);
  const left = await leftover(place);
  if (found !== null) return await finishMoved(options, source, place, { found, left });
  await source.migrate();
  try {
    await source.begin();
    await refuseLiveNodes(source);
    const set = await keysOf(source, sealer);
    requireGiven(set, options.config);
    const databaseId = await source.databaseId();
    const { mark, tables, verified } =
      (await takeUp(options, source, place, { left, databaseId, set })) ??
      (await build(options, source, place, { databaseId, set }));
    options.signal.throwIfAborted();
    await writeMark(source.db, { ...mark, state: "moved", other: place.to, at: instantOf(systemClock.now()) });
    await source.commit();
    await release(place, set, mark, tables);
    return { id: mark.id, from: source.name, to: place.to, rows: rowsOf(tables), tables, verified };
  } catch (error) {
    await source.rollback();
    throw error;
  }
}

/** Where the data goes. */
interface Place {
  readonly path: string;
  readonly to: string;
  readonly file: string;
  /** How a database of the executable is opened once the directory is there. */
  readonly native: () => { readonly nativeBinding?: string };
}

function placeAt(path: string, nativeDirectory: string | null): Place {
  return {
    ...{ path, to: `the data directory ${path}`, file: join(path, DATABASE_FILE) },
    native: () => defined({ nativeBinding: openNativeBinding(nativeDirectory ?? join(path, "native")) }),
  };
}

interface Built {
  readonly mark: MoveMark;
  readonly tables: readonly TableSum[];
  readonly verified: Verified;
}

/** The mark of what an interrupted run left in the place of the data directory; null for nothing, and for anything else. */
async function leftover({ path, file, native }: Place): Promise<MoveMark | null> {
  if (!existsSync(file)) return null;
  requireSafeDataDirectory(path);
  await using _lock = lockDataDirectory(path, native());
  await using there = SqliteBulk.openToRead({ file, ...native() });
  const mark = await readMark(there.db);
  return mark?.state === "unfinished" ? mark : null;
}

async function refuseLiveNodes({ read }: PostgresBulk): Promise<void> {
  const live = await liveNodes(read, instantOf(systemClock.now()));
  if (live.length === 0) return;
  const names = live.map(({ name }) => name).join(", ");
  throw new AppError("conflict", `servers run on the database: ${names}: stop them first`);
}

async function keysOf({ name, read }: PostgresBulk, sealer: KeySealer): Promise<KeySet> {
  if ((await read.operatorOrganization()) === null) throw new AppError("not_found", `${name} has no data of Signet`);
  return await openKeySet(await read.sealedKeys(), sealer);
}

interface Source {
  readonly databaseId: string;
  readonly set: KeySet;
}

/** Goes on with what an earlier run has published, if the database is still the same; else removes it. Null when there is nothing. */
async function takeUp(
  options: MoveOptions,
  source: PostgresBulk,
  { path, file, native }: Place,
  { left, databaseId, set }: Source & { readonly left: MoveMark | null },
): Promise<Built | null> {
  if (left === null || left.source !== databaseId) return null;
  await using lock = lockDataDirectory(path, native());
  const tables = await readTables(source, options);
  {
    await using there = SqliteBulk.openToRead({ file, ...native() });
    if (areSame(tables, await readTables(there, options))) {
      return { mark: left, tables, verified: await verify(options, there, set, tables) };
    }
  }
  options.onNotice("the database was changed since the interrupted migration: all is copied again");
  await lock[Symbol.asyncDispose]();
  // No server has ever run on it.
  rmSync(path, { recursive: true });
  return null;
}

/** Builds the data directory; no server starts on it until it is released. */
async function build(
  options: MoveOptions,
  source: PostgresBulk,
  { path }: Place,
  { databaseId, set }: Source,
): Promise<Built> {
  await using staging = Staging.open(path);
  const nativeBinding = openNativeBinding(options.config.nativeDirectory ?? staging.native);
  const native = defined({ nativeBinding });
  staging.lock(native);
  const database = { file: join(staging.data, DATABASE_FILE), ...native };
  const mark: MoveMark = {
    ...{ state: "unfinished", id: randomUUID(), source: databaseId, other: source.name },
    at: instantOf(systemClock.now()),
  };
  await migrateCopy(database);
  let tables: readonly TableSum[];
  let verified: Verified;
  {
    await using filled = SqliteBulk.openToFill(database);
    tables = await copyTables(source, filled, options);
    await compareTables(filled, tables, options);
    verified = await verify(options, filled, set, tables);
    await filled.transaction((_tx, db) => writeMark(db, mark));
    filled.seal();
  }
  writeKeyFiles(staging.data, set, options.config);
  options.signal.throwIfAborted();
  await staging.publish();
  return { mark, tables, verified };
}

async function verify(
  options: MoveOptions,
  { read }: SqliteBulk,
  set: KeySet,
  tables: readonly TableSum[],
): Promise<Verified> {
  const ring = new KeyRing({ store: { read }, keys: keysOfSet(set) });
  return await verifyMoved(read, ring, totalsOf(tables), options);
}

/** Lets a server start on the data directory, and says in its audit where it comes from. */
async function release(
  { path, file, native }: Place,
  set: KeySet,
  mark: MoveMark,
  tables: readonly TableSum[],
): Promise<void> {
  await using _lock = lockDataDirectory(path, native());
  await using target = SqliteBulk.openToWrite({ file, ...native() });
  await target.transaction(async (tx, db) => {
    await removeMark(db);
    await recordMove(tx, keysOfSet(set), mark, { from: "postgres", to: "sqlite", rows: rowsOf(tables) });
  });
}

/** After a crash between the marks of both sides: everything is there and verified. Throws `conflict` for any other marked database. */
async function finishMoved(
  options: MoveOptions,
  source: PostgresBulk,
  place: Place,
  { found, left }: { readonly found: MoveMark; readonly left: MoveMark | null },
): Promise<Moved> {
  if (found.state === "unfinished") {
    throw new AppError("conflict", `the migration from ${found.other} into ${source.name} has not ended`);
  }
  if (left === null || left.id !== found.id) {
    const message = `the data of ${source.name} was moved to ${found.other} at ${found.at}`;
    throw new AppError("conflict", message, { reason: "store_moved" });
  }
  const set = await keysOf(source, new KeySealer(options.config.keySecret));
  const tables = await readTables(source, options);
  await release(place, set, left, tables);
  return { id: left.id, from: source.name, to: place.to, rows: rowsOf(tables), tables, verified: null };
}
