import { randomBytes } from "node:crypto";
import { join } from "node:path";
import Database from "better-sqlite3";
import { newRowId } from "../src/service/changes/row-id.js";

export interface HistorySize {
  readonly versions: number;
  readonly auditEvents: number;
}

/** Rows in one transaction. */
const CHUNK = 20_000;

/**
 * Fills the `dev` environment of a stopped server's data directory with versions that were each active once, and the audit with
 * events: straight into the tables, without their indexes, which are made again at the end. Signatures are random bytes: nothing of
 * it verifies.
 */
export function seedHistory(directory: string, { versions, auditEvents }: HistorySize): void {
  const database = new Database(join(directory, "signet.db"));
  database.pragma("synchronous = off");
  database.pragma("cache_size = -200000");
  const indexes = database
    .prepare<[], { name: string; sql: string }>(
      "select name, sql from sqlite_master where type = 'index' and sql is not null and tbl_name in ('bundles', 'deployments', 'audit_events')",
    )
    .all();
  for (const { name } of indexes) database.exec(`drop index "${name}"`);
  const environment = database
    .prepare<[], { id: string; org_id: string; project_id: string }>("select * from environments where name = 'dev'")
    .get();
  if (environment === undefined) throw new Error("no environment dev");
  seedVersions(database, environment, versions);
  seedAudit(database, environment.org_id, auditEvents);
  for (const { sql } of indexes) database.exec(sql);
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}

function seedVersions(
  database: Database.Database,
  { id, org_id, project_id }: { id: string; org_id: string; project_id: string },
  versions: number,
): void {
  const content = database.prepare("insert into contents (id, policies, scope_policies) values (?, ?, '{}')");
  const bundle = database.prepare(
    `insert into bundles (id, org_id, project_id, environment_id, environment, version, policy_hash, content_id, published_at, labels,
     origin, signature, signature_v2, key_id) values (?, ?, ?, ?, 'dev', ?, ?, ?, ?, '{}', 'publish', ?, ?, '0011223344556677')`,
  );
  const deployment = database.prepare(
    `insert into deployments (id, org_id, project_id, environment_id, environment, bundle_id, policy_hash, kind, actor, at, sequence,
     version, from_version) values (?, ?, ?, ?, 'dev', ?, ?, 'publish', 'seed', ?, ?, ?, ?)`,
  );
  const activate = database.prepare(
    `update environments set last_version = ?, sequence = ?, kept_versions = ?, active_bundle_id = ?, active_deployment_id = ?
     where id = ?`,
  );
  inChunks(database, versions, (version) => {
    const [bundleId, deploymentId, hash] = [newRowId(), newRowId(), randomBytes(32).toString("hex")];
    const at = instantAt(version);
    content.run(hash, JSON.stringify({ version, text: "x".repeat(200) }));
    const policyHash = `sha256:${hash}`;
    bundle.run(bundleId, org_id, project_id, id, version, policyHash, hash, at, signature(), signature());
    deployment.run(
      deploymentId,
      org_id,
      project_id,
      id,
      bundleId,
      policyHash,
      at,
      version,
      version,
      version - 1 || null,
    );
    if (version === versions) activate.run(version, version, version, bundleId, deploymentId, id);
  });
}

function seedAudit(database: Database.Database, orgId: string, events: number): void {
  const first = database.prepare("select max(id) from audit_events where org_id = ?").pluck().get(orgId) as number;
  const event = database.prepare(
    `insert into audit_events (org_id, id, actor, action, resource_type, resource_id, metadata, created_at, signature, prev_signature,
     key_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '8899aabbccddeeff')`,
  );
  const actions = ["bundle.published", "bundle.published", "bundle.activated", "bundle.promoted", "access.refused"];
  let previous = signature();
  inChunks(database, Math.max(0, events - first), (number) => {
    const signed = signature();
    const action = number % 1000 === 0 ? "token.created" : (actions[number % actions.length] ?? "");
    const actor = `sgn_ci_${number % 20}`;
    const metadata = JSON.stringify({ environment: "dev", version: number, sequence: number });
    event.run(
      orgId,
      first + number,
      actor,
      action,
      "bundle",
      newRowId(),
      metadata,
      instantAt(number),
      signed,
      previous,
    );
    previous = signed;
  });
}

function inChunks(database: Database.Database, count: number, insert: (number: number) => void): void {
  for (let start = 1; start <= count; start += CHUNK) {
    database.transaction(() => {
      for (let number = start; number < start + CHUNK && number <= count; number += 1) insert(number);
    })();
  }
}

function signature(): string {
  return randomBytes(64).toString("base64");
}

/** Ten a second, all in the past. */
function instantAt(number: number): string {
  return new Date(Date.UTC(2020, 0, 1) + number * 100).toISOString();
}
