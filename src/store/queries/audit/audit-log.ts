import type { Kysely } from "kysely";
import type { AuditEvent } from "../../../core/audit.js";
import type { AuditActivation, AuditLogReader, AuditLogWriter, AuditNode, AuditTile } from "../../audit-log-store.js";
import { rowMapping } from "../../row-mapping.js";
import type { Schema } from "../../schema.js";

const { read: eventOf } = rowMapping<AuditEvent, "audit_events">({
  ...{ metadata: "json", source: "hidden", project_id: "hidden", environment: "hidden" },
});
const tile = rowMapping<AuditTile, "audit_tiles">({});
const node = rowMapping<AuditNode, "audit_nodes">({});
const activation = rowMapping<AuditActivation, "audit_activations">({});

/** Look-ups of the tree over the audit. */
export function auditLogReader(db: Kysely<Schema>) {
  return {
    async auditEventsFrom(orgId, after, limit) {
      const rows = await db
        .selectFrom("audit_events")
        .selectAll()
        .where("org_id", "=", orgId)
        .where("id", ">", after)
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map(eventOf);
    },
    async auditTiles(orgId) {
      const last = await db
        .selectFrom("audit_tiles")
        .select(["number", "log_event"])
        .where("org_id", "=", orgId)
        .orderBy("number", "desc")
        .limit(1)
        .executeTakeFirst();
      return last === undefined ? { count: 0, logEvent: 0 } : { count: last.number + 1, logEvent: last.log_event };
    },
    async auditTile(orgId, number) {
      const row = await db
        .selectFrom("audit_tiles")
        .selectAll()
        .where("org_id", "=", orgId)
        .where("number", "=", number)
        .executeTakeFirst();
      return row === undefined ? null : tile.read(row);
    },
    async auditNodes(orgId, subtrees) {
      if (subtrees.length === 0) return [];
      const rows = await db
        .selectFrom("audit_nodes")
        .selectAll()
        .where("org_id", "=", orgId)
        .where((eb) => eb.or(subtrees.map(({ level, number }) => eb.and({ level, number }))))
        .execute();
      return subtrees.map(
        ({ level, number }) => rows.find((row) => row.level === level && row.number === number)?.hash ?? null,
      );
    },
    async eventOfActivation(orgId, digest) {
      const row = await db
        .selectFrom("audit_activations")
        .select("event_id")
        .where("org_id", "=", orgId)
        .where("activation", "=", digest)
        .executeTakeFirst();
      return row?.event_id ?? null;
    },
  } satisfies AuditLogReader;
}

/** Changes of it. */
export function auditLogWriter(db: Kysely<Schema>) {
  return {
    async insertAuditTile(added, nodes, activations) {
      await db
        .insertInto("audit_tiles")
        .values(tile.write(added))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await db
        .insertInto("audit_nodes")
        .values(nodes.map(node.write))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      if (activations.length === 0) return;
      await db
        .insertInto("audit_activations")
        .values(activations.map(activation.write))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
  } satisfies AuditLogWriter;
}
