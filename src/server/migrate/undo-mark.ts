import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { openSigningKeys, type VerifyingKeys } from "../../service/keys/key-files.js";
import { KeySealer } from "../../service/keys/key-sealer.js";
import { openKeySet } from "../../service/keys/sealed-key-set.js";
import { readMark, removeMark, type MoveMark } from "../../store/move-mark.js";
import { PostgresBulk } from "../../store/postgres/bulk.js";
import type { PostgresOptions } from "../../store/postgres/options.js";
import { SqliteBulk } from "../../store/sqlite/bulk.js";
import { lockDataDirectory } from "../../store/sqlite/lock.js";
import type { Writer } from "../../store/store.js";
import { requireSafeDataDirectory } from "../database/data-directory-safety.js";
import { DATABASE_FILE } from "../database/data-directory.js";
import { recordInOperator, type MoveConfig } from "./move.js";
import { keysOfSet } from "./moved-keys.js";

/**
 * Lets servers start again on a data directory whose data was moved, and says so in its audit. What was changed in the other store since is
 * not in it. Throws `conflict` when it is not marked as moved, `not_found` without a database.
 */
export async function undoMarkOfDirectory(config: MoveConfig): Promise<MoveMark> {
  const path = resolve(config.data);
  const file = join(path, DATABASE_FILE);
  if (!existsSync(file)) throw new AppError("not_found", `no Signet database in ${path}`);
  requireSafeDataDirectory(path);
  const nativeBinding = openNativeBinding(config.nativeDirectory ?? join(path, "native"));
  const native = defined({ nativeBinding });
  await using _lock = lockDataDirectory(path, native);
  await using store = SqliteBulk.openToWrite({ file, ...native });
  const mark = requireMoved(await readMark(store.db), `the data directory ${path}`);
  const keys = openSigningKeys(path, config.signingKey, false, config.nextSigningKey);
  await store.transaction(async (tx, db) => {
    await removeMark(db);
    await record(tx, keys, mark);
  });
  return mark;
}

/** As undoMarkOfDirectory, for a PostgreSQL database and its nodes. */
export async function undoMarkOfDatabase(config: MoveConfig, database: PostgresOptions): Promise<MoveMark> {
  const sealer = new KeySealer(config.keySecret);
  await using store = await PostgresBulk.open(database);
  const mark = requireMoved(await readMark(store.db), store.name);
  const keys = keysOfSet(await openKeySet(await store.read.sealedKeys(), sealer));
  await store.transaction(async (tx, db) => {
    await removeMark(db);
    await record(tx, keys, mark);
  });
  return mark;
}

function requireMoved(mark: MoveMark | null, name: string): MoveMark {
  if (mark?.state === "moved") return mark;
  if (mark === null) throw new AppError("conflict", `${name} is not marked as moved`);
  throw new AppError(
    "conflict",
    `the migration from ${mark.other} into ${name} has not ended: run signet migrate again`,
  );
}

async function record(tx: Writer, keys: VerifyingKeys, mark: MoveMark): Promise<void> {
  await recordInOperator(tx, keys, {
    ...{ action: "server.migration_undone", resourceType: "server", resourceId: mark.id },
    metadata: { moved_to: mark.other, moved_at: mark.at },
  });
}
