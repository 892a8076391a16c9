import Database from "better-sqlite3";
import { Kysely } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createReader } from "../../src/store/queries/reader.js";
import type { Schema } from "../../src/store/schema.js";
import { SqliteDialect } from "../../src/store/sqlite/dialect.js";
import { LocalChannel } from "../../src/store/sqlite/local-channel.js";
import { SqliteDriver } from "../../src/store/sqlite/driver.js";
import type { Writer } from "../../src/store/store.js";
import { createWriter } from "../../src/store/queries/writer.js";
import { READS } from "./planned-reads.js";
import {
  aBundle,
  anArtifact,
  anEnvironment,
  anEvent,
  anInstance,
  aProject,
  aToken,
  insertTenancy,
  minutesLater,
  publish,
} from "./sample.js";
import { useStore } from "./temporary-store.js";

/** Small lists that have no index in their order. */
const SORTED = [
  "environments",
  "liveRuntimeTokens",
  "tokens of a project",
  "pipelineApps",
  "nextRetry",
  "webhooksToClaim",
];

const NOW = minutesLater(0);
const EVENT = { action: "bundle.published", actor: "a", metadata: { project_id: "p", environment: "dev" } };
const ENVIRONMENT = anEnvironment(aProject("o"));
const CLAIM = { nodeId: "n", at: NOW, until: minutesLater(1) };
const TOKEN = { ...aToken("o"), id: 1, environmentId: "e" };

describe("no look-up of the hot path reads a whole table", () => {
  const temporary = useStore();
  let raw: Database.Database;
  let db: Kysely<Schema>;
  let statements: { sql: string; parameters: readonly unknown[] }[];

  beforeEach(async () => {
    await temporary.write((tx) => tx.insertAuditEvent(anEvent("o", 1, EVENT)));
    raw = new Database(temporary.file);
    statements = [];
    const dialect = new SqliteDialect(new SqliteDriver(new LocalChannel(raw)));
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

  it("audit events are found one index at a time", async () => {
    for (const filter of [{ action: "bundle.*" }, { actor: "a" }, { since: NOW, until: NOW }]) {
      const { rows, total } = await createReader(db).auditEvents({ orgId: "o", limit: 25, ...filter });
      expect([rows.length, total]).toStrictEqual([1, 1]);
    }
  });

  it.each(READS)("%s", async (name, read) => {
    await read(createReader(db));
    expect(statements.length).toBeGreaterThan(0);
    // What is counted is limited.
    expect(plans().join("\n")).not.toMatch(/\bSCAN (?!CONSTANT ROW|counted)/);
    // Nor all the numbers of the audit between two, but where nothing else is asked for.
    if (name !== "auditEvents by time") expect(plans().join("\n")).not.toContain("(org_id=? AND id>? AND id<?)");
  });

  it.each(READS.map(([name]) => name).filter((name) => !SORTED.includes(name)))("%s sorts nothing", async (name) => {
    await READS.find(([it]) => it === name)![1](createReader(db));
    expect(plans().join("\n")).not.toContain("TEMP B-TREE");
  });

  it.each([
    ["bundles", "deployments_by_bundle_id_sequence (bundle_id=? AND sequence=?)"],
    ["tokenByHash", "tokens_by_previous_hash (previous_hash=?)"],
    ["auditEvents by actor", "COVERING INDEX audit_events_by_org_id_actor_id (org_id=? AND actor=?)"],
    ["auditEvents by source", "COVERING INDEX audit_events_by_org_id_source_id (org_id=? AND source=?)"],
    ["auditEvents by prefix", "COVERING INDEX audit_events_by_org_id_action_id (org_id=? AND action>? AND action<?)"],
    ["auditEvents by actor and prefix", "INDEX audit_events_by_org_id_actor_id (org_id=? AND actor=?)"],
    [
      "auditEvents by project",
      "INDEX audit_events_by_org_id_project_id_environment_id (org_id=? AND project_id=? AND environment=?)",
    ],
    [
      "auditEvents by environment",
      "INDEX audit_events_by_org_id_project_id_environment_id (org_id=? AND project_id=? AND environment=?)",
    ],
    ["auditEvents by project and actor", "INDEX audit_events_by_org_id_actor_id (org_id=? AND actor=?)"],
    ["auditEvents by time", "COVERING INDEX audit_events_by_org_id_created_at_id"],
    [
      "deliveryCounts",
      "COVERING INDEX deliveries_by_webhook_id_state_attempts_event_number (webhook_id=? AND state=?)",
    ],
  ])("%s uses %s", async (name, index) => {
    await READS.find(([it]) => it === name)![1](createReader(db));
    expect(plans().join("\n")).toContain(index);
  });

  it("webhookBacklog reads what is oldest by an index, and stops", async () => {
    await createReader(db).webhookBacklog();
    const steps = plans();
    expect(steps).toContain("SEARCH deliveries USING INDEX deliveries_by_state_created_at (state=?)");
    // The rows that the limit let through.
    expect(steps.filter((step) => step.includes("SCAN"))).toEqual(["SCAN oldest"]);
    expect(steps.join()).not.toContain("TEMP B-TREE");
  });

  const changes: [string, (tx: Writer) => Promise<unknown>][] = [
    ["updateEnvironment", (tx) => tx.updateEnvironment(ENVIRONMENT)],
    ["deleteEnvironment", (tx) => tx.deleteEnvironment("e", NOW)],
    ["deleteProject", (tx) => tx.deleteProject("p", NOW)],
    [
      "removeDeleted",
      async (tx) => {
        const { project, dev } = await insertTenancy({ write: (work) => work(tx) });
        await publish(tx, dev.id);
        const token = await tx.insertToken(aToken(project.orgId, { projectId: project.id, environmentId: dev.id }));
        await tx.putInstances([anInstance(token)], 10);
        await tx.deleteProject(project.id, NOW);
        while ((await tx.removeDeleted(10)) > 0);
      },
    ],
    ["deleteDeliveries", (tx) => tx.deleteDeliveries("9999", 10)],
    ["deleteBundle", (tx) => tx.deleteBundle(aBundle(ENVIRONMENT))],
    ["updateToken", (tx) => tx.updateToken(TOKEN)],
    ["touchTokens", (tx) => tx.touchTokens([1, 2], NOW)],
    ["insertAuditEvent", (tx) => tx.insertAuditEvent(anEvent("o", 2))],
    ["deleteIdempotentAnswers", (tx) => tx.deleteIdempotentAnswers(NOW, 10)],
    ["putInstances", (tx) => tx.putInstances([anInstance(TOKEN)], 10)],
    ["deletePipeline", (tx) => tx.deletePipeline("p")],
    ["deletePipelineStage", (tx) => tx.deletePipelineStage("s")],
    ["deletePipelineApp", (tx) => tx.deletePipelineApp("e")],
    ["deleteArtifact", (tx) => tx.deleteArtifact(anArtifact("o", "p"))],
    ["claimWebhooks", (tx) => tx.claimWebhooks(["w"], CLAIM)],
    ["releaseWebhooks", (tx) => tx.releaseWebhooks("n")],
    ["claimJob", (tx) => tx.claimJob("j", CLAIM)],
    ["endJob", (tx) => tx.endJob("j", "n", NOW)],
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
        const parts = raw.pragma(`foreign_key_list(${table})`) as { id: number; from: string }[];
        const keys = [...new Set(parts.map(({ id }) => id))].map((id) =>
          parts.filter((part) => part.id === id).map(({ from }) => from),
        );
        const indexes = (raw.pragma(`index_list(${table})`) as { name: string }[]).map((it) =>
          (raw.pragma(`index_info(${it.name})`) as { name: string }[]).map(({ name }) => name),
        );
        // All columns of the key come first, in whatever order.
        const serves = (index: string[], key: string[]) =>
          key.every((column) => index.slice(0, key.length).includes(column));
        const bare = keys.filter((key) => !indexes.some((index) => serves(index, key)));
        return bare.map((key) => `${table}.${key.join("+")}`);
      });
    expect(missing).toStrictEqual([]);
  });
});
