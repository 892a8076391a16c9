import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { Config } from "../../config/config.js";
import { databaseConfig } from "../../config/database-settings.js";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { UsageError } from "../shell/cli-error.js";
import { asked, requireConfirmable, withConfirmation } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { MoveLines } from "./migrate-progress.js";
import { readConfig } from "./serve.js";

type StoreKind = "sqlite" | "postgres";

interface Options {
  readonly to?: StoreKind;
  readonly undoMark?: StoreKind;
  readonly data?: string;
  readonly yes?: true;
}

const HELP = `
Moves all data between a data directory (SQLite) and a PostgreSQL database, with every id, number, key and signature as it is. No
server may run on either. The PostgreSQL database is that of SIGNET_DATABASE_URL and must be empty for --to postgres; the keys in it are
encrypted with SIGNET_KEY_SECRET. For --to sqlite the data directory must be absent or empty.

Everything is compared with what was read, every audit chain and every active bundle is verified, and only then is the old store marked:
nothing starts on it any more, and it says where its data went. After an interruption run the same command again.

--undo-mark lets servers start on a marked store again. What was changed in the other one since is not in it.
`;

/** `signet migrate`: moves the data between SQLite and PostgreSQL. */
export function addMigrate(program: Command, shell: Shell): void {
  const stores = ["postgres", "sqlite"];
  const command = program
    .command("migrate")
    .description("move the data of a stopped server from SQLite to PostgreSQL, or back")
    .addOption(new Option("--to <store>", "where the data goes").choices(stores))
    .option("--data <dir>", "data directory (SIGNET_DATA; ./data)")
    .addOption(new Option("--undo-mark <store>", "use the store again whose data was moved").choices(stores));
  withConfirmation(command)
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet migrate --to postgres --data /var/lib/signet",
          "signet migrate --to sqlite --data /var/lib/signet-back",
          "signet migrate --undo-mark sqlite --data /var/lib/signet",
        ),
    )
    .action(async ({ to, undoMark, data, yes }: Options) => {
      if ((to === undefined) === (undoMark === undefined)) throw new UsageError("give one of --to and --undo-mark");
      if (to !== undefined && yes === true) throw new UsageError("--yes is for --undo-mark: remove it");
      const config = readConfig(shell, defined({ data }));
      if (to !== undefined) return await move(shell, config, to);
      await undo(shell, config, undoMark ?? "sqlite", defined({ yes }));
    });
}

async function move(shell: Shell, config: Config, to: StoreKind): Promise<void> {
  const options = {
    ...{ config, database: databaseOf(config), signal: shell.io.signal },
    onNotice: (text: string) => shell.notice(text),
    onProgress: new MoveLines(shell).show,
  };
  const startMs = performance.now();
  // Only here: other commands need no database.
  const moved =
    to === "postgres"
      ? await (await import("../../server/migrate/to-postgres.js")).moveToPostgres(options)
      : await (await import("../../server/migrate/to-sqlite.js")).moveToSqlite(options);
  const seconds = (performance.now() - startMs) / 1000;
  const { id, from, rows, tables, verified } = moved;
  shell.answer(
    () =>
      JSON.stringify({
        ...{ id, from, to: moved.to, rows, audit_events: verified?.auditEvents ?? null },
        ...{ active_bundles: verified?.bundles ?? null, seconds: Number(seconds.toFixed(1)) },
        tables: tables.map(({ name, rows: count, sha256 }) => ({ name, rows: count, sha256 })),
      }),
    () =>
      formatFacts([
        ["from", from],
        ["to", moved.to],
        ["rows", `${rows} in ${tables.length} tables, compared`],
        ["audit events", verified === null ? "verified by an earlier run" : `${verified.auditEvents}, verified`],
        ["active bundles", verified === null ? "verified by an earlier run" : `${verified.bundles}, verified`],
        ["time", `${seconds.toFixed(1)} s`],
      ]) + (to === "postgres" ? NEXT_POSTGRES : nextSqlite(config)),
  );
}

const NEXT_POSTGRES =
  "next:\n  signet serve, with SIGNET_DATABASE_URL and SIGNET_KEY_SECRET, on each node\n" +
  "  keep the data directory until you have a backup of the database; it has the keys as files\n";

function nextSqlite({ data }: Config): string {
  return line`next:\n  signet serve --data ${resolve(data)}, without SIGNET_DATABASE_URL\n  keep the database until you have a backup\n`;
}

async function undo(shell: Shell, config: Config, store: StoreKind, options: { readonly yes?: true }): Promise<void> {
  requireConfirmable(shell, options);
  const database = store === "postgres" ? databaseOf(config) : null;
  if (options.yes !== true) {
    shell.noticeLines(
      "Servers can start on the old store again. It has nothing of what was changed in the other one since.",
    );
    if (!(await asked(shell, "Use it again?"))) throw new UsageError("not confirmed: nothing was changed");
  }
  const { undoMarkOfDatabase, undoMarkOfDirectory } = await import("../../server/migrate/undo-mark.js");
  const mark = database === null ? await undoMarkOfDirectory(config) : await undoMarkOfDatabase(config, database);
  shell.answer(
    () => JSON.stringify({ store, moved_to: mark.other, moved_at: mark.at }),
    () =>
      line`servers can start on it again; its data was moved to ${mark.other} at ${mark.at}: stop the servers there\n`,
  );
}

function databaseOf(config: Config) {
  const database = databaseConfig(config);
  if (database === null)
    throw new UsageError("SIGNET_DATABASE_URL (or SIGNET_DATABASE_URL_FILE) must name the database");
  if (config.keySecret === null)
    throw new UsageError("SIGNET_KEY_SECRET must be set: it encrypts the keys in the database");
  return { ...database, applicationName: "signet migrate" };
}
