import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../src/core/schedule/wait.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { verifyBackup } from "../../src/server/backups/verify-backup.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { findProject } from "./find-project.js";
import { startServerProcess } from "./server-process.js";
import { createRandom } from "./work.js";

const KILLS = Number(process.env.SIGNET_TEST_KILLS ?? "9");
const EACH = Math.ceil(KILLS / 3);
const KEPT = join(import.meta.dirname, "../upgrade/directories");

describe("kill -9", () => {
  let directory = "";
  const random = createRandom(7);
  const at = (name: string) => join(directory, name);

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "signet-backup-kill-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function withServer<T>(
    data: string,
    act: (client: SignetClient) => Promise<T>,
    end: NodeJS.Signals,
  ): Promise<T> {
    const server = await startServerProcess(data);
    using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    try {
      return await act(createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN }));
    } finally {
      await server.end(end);
    }
  }

  it(`during a backup, ${EACH} times: no half of one is listed or left, and the next one is whole`, async () => {
    const data = at("server");
    await withServer(
      data,
      async (client) => {
        const where = await findProject(client);
        const text = "x".repeat(400_000);
        for (let n = 0; n < 8; n += 1) {
          await client.bundles.publishBundle({ ...where, envName: "dev", policies: JSON.stringify({ n, text }) });
        }
      },
      "SIGTERM",
    );
    for (let round = 0; round < EACH; round += 1) {
      await withServer(
        data,
        async (client) => {
          expect((await client.backups.listBackups({})).data).toEqual([]);
          expect(existsSync(join(data, "backups")) ? readdirSync(join(data, "backups")) : []).toEqual([]);
          const { id } = await client.backups.createBackup({ keep: true });
          // Killed somewhere before the end: the phases follow one another.
          const phase = ["copying", "checking", "packing"][round % 3];
          for (;;) {
            const backup = await client.backups.getBackup({ backupId: id });
            if (backup.state !== "running" || backup.phase === phase) break;
          }
        },
        "SIGKILL",
      );
      for (const name of existsSync(join(data, "backups")) ? readdirSync(join(data, "backups")) : []) {
        // One that was complete before the kill is; nothing else has its name.
        if (name.endsWith(".tar")) await verify(join(data, "backups", name));
        if (/\.tar(\.sha256)?$/.test(name)) rmSync(join(data, "backups", name));
      }
    }
    const file = await withServer(
      data,
      async (client) => {
        const { id } = await client.backups.createBackup({ keep: true });
        for (let state = "running"; state === "running";) {
          ({ state } = await client.backups.getBackup({ backupId: id }));
        }
        return join(data, "backups", `signet-${id}-kept.tar`);
      },
      "SIGTERM",
    );
    await verify(file);
    copyFileSync(file, at("whole.tar"));
    mkdirSync(at("keys"));
    for (const name of readdirSync(data).filter((it) => /key.*\.(pem|json)$/.test(it))) {
      copyFileSync(join(data, name), join(at("keys"), name));
    }
  }, 120_000);

  it(`during a restore, ${EACH} times: the directory is whole or not there`, async () => {
    const target = at("restored");
    let whole = 0;
    for (let round = 0; whole === 0; round += 1) {
      const isLast = round >= EACH;
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, "../../dist/src/main.js"),
          "restore",
          at("whole.tar"),
          "--data",
          target,
          "--keys",
          at("keys"),
        ],
        { stdio: "ignore", env: { PATH: process.env.PATH ?? "" } },
      );
      const exit = once(child, "exit");
      if (!isLast) {
        await Promise.race([sleep(300 + random(1_500), new AbortController().signal), exit]);
        child.kill("SIGKILL");
      }
      const [code] = (await exit) as [number | null];
      if (isLast) expect(code).toBe(0);
      if (!existsSync(target)) continue;
      whole += 1;
      await withServer(
        target,
        async (client) => {
          const { orgId, projectId } = await findProject(client);
          const dev = await client.organizations.getEnvironment({ orgId, projectId, envName: "dev" });
          expect({ version: dev.activeVersion, sequence: dev.sequence }).toEqual({ version: 8, sequence: 1_000_008 });
          expect(await client.audit.verifyAudit({ orgId })).toMatchObject({ valid: true });
        },
        "SIGTERM",
      );
    }
    expect(readdirSync(target)).toContain("signet.db");
  }, 120_000);

  it(`during an upgrade, ${EACH} times: the old schema or the new one, and a copy that is whole`, async () => {
    const [oldest = ""] = readdirSync(KEPT);
    const data = at("upgraded");
    mkdirSync(data, { mode: 0o700 });
    for (const name of readdirSync(join(KEPT, oldest))) {
      const from = join(KEPT, oldest, name);
      if (name.endsWith(".gz")) writeFileSync(join(data, name.slice(0, -3)), gunzipSync(readFileSync(from)));
      else copyFileSync(from, join(data, name));
    }
    for (const name of readdirSync(data)) chmodSync(join(data, name), 0o600);
    const steps = (file: string) => {
      const database = new Database(file, { readonly: true });
      try {
        expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
        return (database.prepare("select name from kysely_migration").pluck().all() as string[]).length;
      } finally {
        database.close();
      }
    };
    const before = steps(join(data, "signet.db"));
    const seen = new Set<number>();
    for (let round = 0; round < EACH; round += 1) {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, "../../dist/src/main.js"), "serve", "--port", "0", "--data", data],
        { stdio: "ignore", env: { PATH: process.env.PATH ?? "" } },
      );
      const exit = once(child, "exit");
      await sleep(500 + random(1_200), new AbortController().signal);
      child.kill("SIGKILL");
      await exit;
      seen.add(steps(join(data, "signet.db")));
      const copies = existsSync(join(data, "backups")) ? readdirSync(join(data, "backups")) : [];
      for (const name of copies.filter((it) => it.endsWith(".db"))) {
        expect(steps(join(data, "backups", name))).toBe(before);
      }
    }
    // Nothing between both.
    expect([...seen].filter((count) => count !== before).length).toBeLessThanOrEqual(1);
    await withServer(data, async (client) => void (await findProject(client)), "SIGTERM").catch(() => undefined);
    expect(steps(join(data, "signet.db"))).toBeGreaterThan(before);
  }, 120_000);

  async function verify(file: string): Promise<void> {
    const options = { passphrase: null, scratch: directory, nativeDirectory: null };
    await expect(verifyBackup(file, options)).resolves.toMatchObject({ keys: "none" });
  }
});
