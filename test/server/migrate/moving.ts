import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach } from "vitest";
import type { Moved, MoveOptions } from "../../../src/server/migrate/move.js";
import { moveToPostgres } from "../../../src/server/migrate/to-postgres.js";
import { moveToSqlite } from "../../../src/server/migrate/to-sqlite.js";
import { testConfig } from "../../support/server.js";
import { testDatabase, type TestDatabase } from "../../support/postgres/test-database.js";
import { SIGNING_KEY } from "../../upgrade/history.js";

const KEPT = join(import.meta.dirname, "../../upgrade/directories");
export const KEY_SECRET = "a secret of all nodes, long enough for one";

/** A folder for the data directories of a test, and a database, both gone after it. */
export class Moving {
  #folder = "";
  #database: TestDatabase | null = null;

  constructor() {
    afterEach(() => this.#remove());
  }

  get folder(): string {
    return (this.#folder ||= mkdtempSync(join(tmpdir(), "signet-move-")));
  }

  /** A directory with the newest of the kept schemas, which uses SIGNING_KEY. */
  unpack(name = "source"): string {
    const kept = readdirSync(KEPT)
      .sort((a, b) => a.length - b.length)
      .at(-1);
    const from = join(KEPT, kept ?? "");
    const data = mkdtempSync(join(this.folder, `${name}-`));
    for (const file of readdirSync(from)) {
      if (file.endsWith(".gz"))
        writeFileSync(join(data, file.slice(0, -3)), gunzipSync(readFileSync(join(from, file))));
      else copyFileSync(join(from, file), join(data, file));
    }
    for (const file of readdirSync(data)) chmodSync(join(data, file), 0o600);
    return data;
  }

  async database(): Promise<TestDatabase> {
    return (this.#database ??= await testDatabase());
  }

  async settings(data: string): Promise<Record<string, string>> {
    return {
      SIGNET_DATA: data,
      SIGNET_SIGNING_KEY: SIGNING_KEY,
      SIGNET_KEY_SECRET: KEY_SECRET,
      SIGNET_DATABASE_URL: (await this.database()).url,
    };
  }

  async options(data: string, changes: Partial<MoveOptions> = {}, settings = {}): Promise<MoveOptions> {
    const { url } = await this.database();
    return {
      config: testConfig({ ...(await this.settings(data)), ...settings }),
      database: { url, directUrl: null, ca: null, poolSize: 2, applicationName: "signet test" },
      onNotice: () => undefined,
      onProgress: () => undefined,
      signal: new AbortController().signal,
      ...changes,
    };
  }

  async toPostgres(data: string, changes: Partial<MoveOptions> = {}, settings = {}): Promise<Moved> {
    return await moveToPostgres(await this.options(data, changes, settings));
  }

  async toSqlite(data: string, changes: Partial<MoveOptions> = {}, settings = {}): Promise<Moved> {
    return await moveToSqlite(await this.options(data, changes, settings));
  }

  async #remove(): Promise<void> {
    await this.#database?.[Symbol.asyncDispose]();
    this.#database = null;
    if (this.#folder !== "") rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = "";
  }
}
