import { join } from "node:path";
import { readFileSync } from "node:fs";
import Database from "better-sqlite3";
import { auditEventMessage } from "../src/bundle/audit-chain.js";
import { encodeBase64 } from "../src/bundle/base64.js";
import { signedForm } from "../src/service/audit/audit-form.js";
import { newRowId } from "../src/service/changes/row-id.js";
import { createNodeSigner } from "../src/service/keys/ed25519-node.js";

/** Rows in one transaction. */
const CHUNK = 20_000;
const ACTIONS = ["bundle.published", "bundle.published", "bundle.activated", "bundle.promoted", "access.refused"];

/**
 * Appends events to the audit of the operator's organization in a stopped server's data directory, each linked and signed as the server
 * does it, until there are so many.
 */
export async function seedSignedAudit(directory: string, events: number): Promise<void> {
  const signer = createNodeSigner(readFileSync(join(directory, "audit-signing-key.pem"), "utf8"));
  const database = new Database(join(directory, "signet.db"));
  database.pragma("synchronous = off");
  database.pragma("cache_size = -200000");
  const orgId = database.prepare("select id from organizations where is_operator = 1").pluck().get() as string;
  const last = database
    .prepare<[string], { id: number; signature: string; created_at: string }>(
      "select id, signature, created_at from audit_events where org_id = ? order by id desc limit 1",
    )
    .get(orgId);
  const insert = database.prepare(
    `insert into audit_events (org_id, id, actor, action, resource_type, resource_id, metadata, created_at, signature, prev_signature,
     key_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const createdAt = last?.created_at ?? new Date().toISOString();
  let { id = 0, signature: prevSignature = "" } = last ?? {};
  while (id < events) {
    database.exec("begin");
    for (const end = Math.min(events, id + CHUNK); id < end;) {
      id += 1;
      const event = {
        ...{
          orgId,
          id,
          actor: `sgn_ci_${id % 20}`,
          action: ACTIONS[id % ACTIONS.length] ?? "",
          createdAt,
          prevSignature,
        },
        ...{ resourceType: "bundle", resourceId: newRowId() },
        metadata: { project_id: "0b0c0d0e-0000-4000-8000-000000000001", environment: "dev", version: id, sequence: id },
      };
      const signature = encodeBase64(await signer.sign(auditEventMessage(signedForm(event))));
      insert.run(
        ...[event.orgId, event.id, event.actor, event.action, event.resourceType, event.resourceId],
        ...[JSON.stringify(event.metadata), event.createdAt, signature, event.prevSignature, signer.keyId],
      );
      prevSignature = signature;
    }
    database.exec("commit");
  }
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}
