import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { parsePublicKey } from "../../src/bundle/keys.js";
import { verifyDocument } from "../../src/bundle/verify-bundle.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";
import { openSqliteStore } from "../../src/store/sqlite/open.js";
import { testConfig } from "../support/server.js";
import { askOf, firstProject, keyedRequests, OPERATOR_TOKEN, SIGNING_KEY, type Ask } from "./history.js";

const KEPT = join(import.meta.dirname, "directories");

/** Named by the migrations that they have; make-directory.ts makes them. */
const directories = readdirSync(KEPT);

let server: RunningServer | undefined;
let data = "";

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  rmSync(data, { recursive: true, force: true });
});

function unpack(name: string): void {
  data = mkdtempSync(join(tmpdir(), "signet-upgrade-"));
  for (const file of readdirSync(join(KEPT, name))) {
    const from = join(KEPT, name, file);
    if (file.endsWith(".gz")) writeFileSync(join(data, file.slice(0, -3)), gunzipSync(readFileSync(from)));
    else copyFileSync(from, join(data, file));
  }
  for (const file of readdirSync(data)) chmodSync(join(data, file), 0o600);
  // As if it had been kept a minute ago: answers are remembered for 24 hours.
  const db = new Database(join(data, "signet.db"));
  db.prepare("update idempotent_answers set created_at = ?").run(new Date(Date.now() - 60_000).toISOString());
  db.close();
}

async function start(): Promise<Ask> {
  const config = testConfig({
    SIGNET_DATA: data,
    SIGNET_ADMIN_TOKEN: OPERATOR_TOKEN,
    SIGNET_SIGNING_KEY: SIGNING_KEY,
  });
  server = await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
  expect(server.firstStart).toBeNull();
  return askOf(server.url);
}

it("has a directory of the newest schema", async () => {
  data = mkdtempSync(join(tmpdir(), "signet-upgrade-"));
  await using store = await openSqliteStore({ file: join(data, "signet.db") });
  await store.ping();
  const db = new Database(join(data, "signet.db"), { readonly: true });
  const steps = db.prepare("select name from kysely_migration order by name").pluck().all() as string[];
  db.close();
  // After a new migration: npx tsx test/upgrade/make-directory.ts
  expect(directories).toContain(steps.map((step) => step.split("-")[0]).join("-"));
});

describe.each(directories)("a data directory with the migrations %s", (name) => {
  it("opens, answers retries as they were answered, and goes on", async () => {
    unpack(name);
    const ask = await start();
    const { orgId, base } = await firstProject(ask);
    const answers = JSON.parse(readFileSync(join(KEPT, name, "answers.json"), "utf8")) as Record<string, object>;
    for (const [key, method, path, body] of keyedRequests({ base })) {
      const answer = await ask(method, path, body, { "idempotency-key": key });
      expect(answer, key).toMatchObject({ status: 200, body: answers[key] });
    }
    expect((await ask("GET", `${base}/envs/dev/bundles`)).body).toHaveLength(2);
    expect((await ask("GET", `/v1/orgs/${orgId}/audit/verify`)).body).toMatchObject({ valid: true });

    const token = await ask("POST", `/v1/orgs/${orgId}/tokens/runtime`, {
      project_id: base.split("/").at(-1),
      environment_id: await environmentId(ask, base, "staging"),
      name: "after the upgrade",
    });
    expect(token).toMatchObject({ status: 201 });
    const latest = await fetch(`${server?.url}/v1/bundles/latest`, {
      headers: { "x-api-key": (token.body as { raw_key: string }).raw_key },
    });
    expect(latest.status).toBe(200);
    const keys = (await ask("GET", "/v1/keys")).body as { public_key_pem: string }[];
    const trusted = keys.map(({ public_key_pem: pem }) => parsePublicKey(pem));
    const verified = await verifyDocument(await latest.text(), trusted, { environment: "staging" });
    expect(verified.identityIsSigned).toBe(true);

    const published = await ask("POST", `${base}/envs/dev/bundles/publish`, { policies: { after: "the upgrade" } });
    expect(published).toMatchObject({ status: 200, body: { version: 3, is_active: true } });
    expect(await ask("POST", `${base}/envs/dev/promote`)).toMatchObject({ status: 200, body: { version: 2 } });
    expect((await ask("GET", `/v1/orgs/${orgId}/audit/verify`)).body).toMatchObject({ valid: true });
  });

  it("opens a second time as it is", async () => {
    unpack(name);
    await start();
    await server?.[Symbol.asyncDispose]();
    const ask = await start();
    expect((await ask("GET", "/v1/whoami")).status).toBe(200);
  });
});

async function environmentId(ask: Ask, base: string, name: string): Promise<string> {
  return ((await ask("GET", `${base}/environments/${name}`)).body as { id: string }).id;
}
