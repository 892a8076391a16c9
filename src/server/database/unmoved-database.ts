import { existsSync } from "node:fs";
import { join } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import type { Config } from "../../config/config.js";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { readMark } from "../../store/move-mark.js";
import { SqliteBulk } from "../../store/sqlite/bulk.js";
import { DATABASE_FILE } from "./data-directory.js";

/**
 * Refuses the data directory of a server on SQLite as that of a node: SIGNET_DATABASE_URL moves nothing, so that its data would be left
 * aside without a word, and its `admin-token` replaced. One whose data was moved by `signet migrate` is taken.
 *
 * Throws `conflict` (`data_not_moved`), and as the database's opening does.
 */
export async function refuseUnmovedDatabase(
  path: string,
  { nativeDirectory }: Pick<Config, "nativeDirectory">,
): Promise<void> {
  const file = join(path, DATABASE_FILE);
  if (!existsSync(file)) return;
  const nativeBinding = openNativeBinding(nativeDirectory ?? join(path, "native"));
  await using database = SqliteBulk.openToRead({ file, ...defined({ nativeBinding }) });
  if ((await readMark(database.db))?.state === "moved") return;
  throw new AppError(
    "conflict",
    `the data directory ${path} has the data of a server on SQLite, which SIGNET_DATABASE_URL does not move: run signet migrate ` +
      "--to postgres, or give this node an empty SIGNET_DATA",
    { reason: "data_not_moved" },
  );
}
