import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../core/error.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import { copyDatabase } from "../../store/sqlite/copy.js";

/** Copies from before an upgrade that are kept. */
const KEPT = 2;
const COPY = /^before-\d{4}-[a-z0-9-]+\.db$/;

/** Where a data directory keeps copies of its database. */
export function copiesDirectory(dataDirectory: string): string {
  return join(dataDirectory, "backups");
}

/** Told that the schema is about to change: the steps, and the file that keeps the database as it is; null for none. */
export type OnUpgrade = (upgrade: { readonly steps: readonly string[]; readonly copy: string | null }) => void;

/**
 * Copies the database to `backups/before-STEP.db` in the data directory, STEP being the first step to come, and removes all but the
 * newest two of such copies. Returns what tells the operator how to go back.
 *
 * Throws `unavailable` when the disk has no space for it, with the setting that does without.
 */
export async function keepUpgradeCopy(
  dataDirectory: string,
  database: SqliteOptions,
  steps: readonly string[],
  onUpgrade: OnUpgrade,
): Promise<string> {
  const directory = copiesDirectory(dataDirectory);
  makePrivate(directory);
  const copy = join(directory, `before-${steps[0] ?? ""}.db`);
  onUpgrade({ steps, copy });
  try {
    await copyDatabase(database, copy, {
      isGentle: false,
      purpose: "the upgrade with a copy of the database",
      // The steps themselves may write every page once more.
      reserveBytes: (bytes) => bytes,
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message } = error;
    throw new AppError(
      code,
      `${message}. The database was not upgraded. Make room, or start with --upgrade-copy no if you have a backup`,
      { cause: error },
    );
  }
  removeOlder(directory);
  return `The database from before the upgrade is ${copy}: docs/upgrade.md, "Going back"`;
}

function makePrivate(directory: string): void {
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
  chmodSync(directory, 0o700);
}

function removeOlder(directory: string): void {
  const copies = readdirSync(directory)
    .filter((name) => COPY.test(name))
    .map((name) => ({ name, at: statSync(join(directory, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { name } of copies.slice(KEPT)) rmSync(join(directory, name), { force: true });
}
