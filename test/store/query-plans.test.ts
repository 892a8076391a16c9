import Database from "better-sqlite3";
import { Kysely } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createReader } from "../../src/store/reader.js";
import type { Schema } from "../../src/store/schema.js";
import { SqliteDialect } from "../../src/store/sqlite/dialect.js";
import { SqliteDriver } from "../../src/store/sqlite/driver.js";
import type { Reader, Writer } from "../../src/store/store.js";
import { createWriter } from "../../src/store/writer.js";
import { aBundle, anEnvironment, anEvent, anInstance, aProject, aToken, minutesLater } from "./sample.js";
import { useStore } from "./temporary-store.js";

const PAGE = { limit: 25, offset: 0 };
const NOW = minutesLater(0);
const ENVIRONMENT = anEnvironment(aProject("o"));
const TOKEN = { ...aToken("o"), id: 1, environmentId: "e" };

describe("no look-up of the hot path reads a whole table", () => {
  const temporary = useStore();
  let raw: Database.Database;
  let db: Kysely<Schema>;
  let statements: { sql: string; parameters: readonly unknown[] }[];

  beforeEach(() => {
    raw = new Database(temporary.file);
    statements = [];
    const dialect = new SqliteDialect(new SqliteDriver(raw));
    db = new Kysely<Schema>({ dialect, log: (event) => void statements.push(event.query) });
  });
  afterEach(() => db.destroy());

  function plans(): string[] {
    return statements.flatMap(({ sql, parameters }) =>
      raw
        .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
        .all(...parameters)
        .map((step) => step.detail),
    );
  }

  const reads: [string, (reader: Reader) => Promise<unknown>][] = [
    ["organization", (it) => it.organization("o")],
    ["operatorOrganization", (it) => it.operatorOrganization()],
    ["project", (it) => it.project("o", "p")],
    ["projects", (it) => it.projects("o", PAGE)],
    ["environment", (it) => it.environment("p", "dev")],
    ["environmentById", (it) => it.environmentById("e")],
    ["environments", (it) => it.environments("p")],
    ["bundle", (it) => it.bundle("e", 1)],
    ["bundleById", (it) => it.bundleById("b")],
    ["bundles", (it) => it.bundles("e", 25)],
    ["bundles before", (it) => it.bundles("e", 25, 900)],
    ["countBundles", (it) => it.countBundles("e")],
    ["content", (it) => it.content("c")],
    ["deployment", (it) => it.deployment("o", "d")],
    ["deploymentBySequence", (it) => it.deploymentBySequence("e", 1)],
    ["deployments", (it) => it.deployments("e", PAGE)],
    ["token", (it) => it.token("o", 1)],
    ["tokenByHash", (it) => it.tokenByHash("h")],
    ["tokens", (it) => it.tokens({ orgId: "o", ...PAGE })],
    ["tokens of a project", (it) => it.tokens({ orgId: "o", projectId: "p", keyType: "ci", ...PAGE })],
    ["liveRuntimeTokens", (it) => it.liveRuntimeTokens("e", NOW)],
    ["auditEvent", (it) => it.auditEvent("o", 1)],
    ["auditHead", (it) => it.auditHead("o")],
    ["auditEvents", (it) => it.auditEvents({ orgId: "o", limit: 25 })],
    ["auditEvents before", (it) => it.auditEvents({ orgId: "o", limit: 25, before: 9 })],
    ["auditEvents after", (it) => it.auditEvents({ orgId: "o", limit: 25, after: 9 })],
    ["auditEvents by actor", (it) => it.auditEvents({ orgId: "o", limit: 25, actor: "a" })],
    ["auditEvents by action", (it) => it.auditEvents({ orgId: "o", limit: 25, action: "bundle.published" })],
    ["auditEvents by prefix", (it) => it.auditEvents({ orgId: "o", limit: 25, action: "bundle.*" })],
    [
      "auditEvents by actor and prefix",
      (it) => it.auditEvents({ orgId: "o", limit: 25, actor: "a", action: "bundle.*" }),
    ],
    ["auditEvents by type", (it) => it.auditEvents({ orgId: "o", limit: 25, resourceType: "bundle" })],
    ["auditEvents by resource", (it) => it.auditEvents({ orgId: "o", limit: 25, resourceId: "b" })],
    ["auditEvents by time", (it) => it.auditEvents({ orgId: "o", limit: 25, since: NOW, until: NOW })],
    ["idempotentAnswer", (it) => it.idempotentAnswer(1, "publish", "k")],
    ["instance", (it) => it.instance("e", 1, "pod")],
    ["instances", (it) => it.instances("e", PAGE)],
    ["webhook", (it) => it.webhook("o", "w")],
    ["webhooksThatKeepUp", (it) => it.webhooksThatKeepUp("o")],
    ["webhooksBehind", (it) => it.webhooksBehind("o")],
    ["eventsToFanOut", (it) => it.eventsToFanOut(200)],
    ["lastFannedOut", (it) => it.lastFannedOut()],
    ["eventsAfter", (it) => it.eventsAfter("o", 7, ["bundle.published"], 50)],
    ["eventTypesAfter", (it) => it.eventTypesAfter("o", 7, 50)],
    ["firstTries", (it) => it.firstTries("w", 200)],
    ["dueRetries", (it) => it.dueRetries("w", NOW, 4)],
    ["nextRetryAt", (it) => it.nextRetryAt("w")],
    ["pendingDeliveries", (it) => it.pendingDeliveries()],
  ];

  it.each(reads)("%s", async (_name, read) => {
    await read(createReader(db));
    expect(statements.length).toBeGreaterThan(0);
    expect(plans().join("\n")).not.toMatch(/\bSCAN (?!CONSTANT ROW)/);
  });

  it.each(["bundles", "bundles before", "deployments", "tokens", "projects", "instances"])(
    "%s sorts nothing",
    async (name) => {
      await reads.find(([it]) => it === name)![1](createReader(db));
      expect(plans().join("\n")).not.toContain("TEMP B-TREE");
    },
  );

  it.each([
    ["bundles", "deployments_by_bundle_id_sequence (bundle_id=? AND sequence=?)"],
    ["tokenByHash", "tokens_by_previous_hash (previous_hash=?)"],
    ["auditEvents by actor", "COVERING INDEX audit_events_by_org_id_actor_id (org_id=? AND actor=?)"],
    ["auditEvents by prefix", "COVERING INDEX audit_events_by_org_id_action_id (org_id=? AND action>? AND action<?)"],
    ["auditEvents by actor and prefix", "INDEX audit_events_by_org_id_actor_id (org_id=? AND actor=?)"],
    ["auditEvents by time", "COVERING INDEX audit_events_by_org_id_created_at_id"],
  ])("%s uses %s", async (name, index) => {
    await reads.find(([it]) => it === name)![1](createReader(db));
    expect(plans().join("\n")).toContain(index);
  });

  const changes: [string, (tx: Writer) => Promise<unknown>][] = [
    ["updateEnvironment", (tx) => tx.updateEnvironment(ENVIRONMENT)],
    ["deleteEnvironment", (tx) => tx.deleteEnvironment("e")],
    ["deleteProject", (tx) => tx.deleteProject("p")],
    ["deleteBundle", (tx) => tx.deleteBundle(aBundle(ENVIRONMENT))],
    ["updateToken", (tx) => tx.updateToken(TOKEN)],
    ["touchTokens", (tx) => tx.touchTokens([1, 2], NOW)],
    ["insertAuditEvent", (tx) => tx.insertAuditEvent(anEvent("o", 1))],
    ["deleteIdempotentAnswers", (tx) => tx.deleteIdempotentAnswers(NOW)],
    ["putInstances", (tx) => tx.putInstances([anInstance(TOKEN)], 10)],
  ];

  it.each(changes)("%s", async (_name, change) => {
    await db.transaction().execute((tx) => change(createWriter(tx)));
    expect(statements.length).toBeGreaterThan(0);
    expect(plans().join("\n")).not.toMatch(/\bSCAN (?!CONSTANT ROW)/);
  });

  it("has an index for every foreign key, which a deletion looks up", () => {
    const missing = raw
      .prepare<[], { name: string }>("select name from sqlite_master where type = 'table'")
      .all()
      .flatMap(({ name: table }) => {
        const keys = raw.pragma(`foreign_key_list(${table})`) as { from: string }[];
        const indexes = raw.pragma(`index_list(${table})`) as { name: string }[];
        const first = indexes.map((it) => (raw.pragma(`index_info(${it.name})`) as { name: string }[])[0]?.name);
        return keys.filter((key) => !first.includes(key.from)).map((key) => `${table}.${key.from}`);
      });
    expect(missing).toStrictEqual([]);
  });
});
