/**
 * Keeps a small data directory of a release, for upgrade.test.ts:
 *
 *     npx tsx test/upgrade/make-directory.ts [DIST]
 *
 * DIST is the build of the release, `dist` unless it is given. To be run once after a migration was added; its output is committed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { askOf, live, OPERATOR_TOKEN, SIGNING_KEY } from "./history.js";

/** Keys, what is remembered of them, and the head of the database; nothing of the process that ran. */
const KEPT_FILES = /\.(pem|json|head)$/;

const dist = resolve(process.argv[2] ?? "dist");
const data = mkdtempSync(join(tmpdir(), "signet-directory-"));

const server = spawn(process.execPath, [join(dist, "src/main.js"), "serve"], {
  stdio: ["ignore", "pipe", "inherit"],
  env: {
    PATH: process.env.PATH,
    SIGNET_DATA: data,
    SIGNET_PORT: "0",
    SIGNET_ADMIN_TOKEN: OPERATOR_TOKEN,
    SIGNET_SIGNING_KEY: SIGNING_KEY,
    SIGNET_LOG_LEVEL: "error",
    // For the address of the webhook, to which nothing is ever sent.
    SIGNET_WEBHOOK_ALLOW: "127.0.0.1",
  },
});
const ended = once(server, "exit");

async function listening(): Promise<string> {
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^signet listening on (http:\/\/\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("the server ended before it listened");
}

const answers = await live(askOf(await listening()));
server.kill("SIGTERM");
await ended;

const file = join(data, "signet.db");
const db = new Database(file);
const migrations = db.prepare("select name from kysely_migration order by name").pluck().all() as string[];
db.pragma("journal_mode = delete");
db.exec("vacuum");
db.close();

const numbers = migrations.map((name) => name.split("-")[0]).join("-");
const kept = join(import.meta.dirname, "directories", numbers);
rmSync(kept, { recursive: true, force: true });
mkdirSync(kept, { recursive: true });
for (const name of readdirSync(data)) {
  if (name === "signet.db") writeFileSync(join(kept, `${name}.gz`), gzipSync(readFileSync(file), { level: 9 }));
  else if (KEPT_FILES.test(name)) copyFileSync(join(data, name), join(kept, name));
}
writeFileSync(join(kept, "answers.json"), `${JSON.stringify(answers, null, 2)}\n`);
rmSync(data, { recursive: true, force: true });
process.stdout.write(`${kept}\n`);
