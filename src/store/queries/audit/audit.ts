import { sql, type Kysely } from "kysely";
import type { AuditEvent } from "../../../core/audit.js";
import { pageIds, totalOf } from "./audit-search.js";
import { boundedPage } from "../paging.js";
import { preparedFirst, preparedInsert } from "../prepared.js";
import { rowMapping } from "../../row-mapping.js";
import type { Schema } from "../../schema.js";
import type { Reader, Writer } from "../../store.js";

const { read: eventOf } = rowMapping<AuditEvent, "audit_events">({
  ...{ metadata: "json", source: "hidden", project_id: "hidden", environment: "hidden" },
});

const insert = preparedInsert("audit_events");

/** The limit is a literal: SQLite plans a statement anew each time that a limit is bound to it. */
const head = preparedFirst((db, { orgId }: { orgId: string }) =>
  db.selectFrom("audit_events").selectAll().where("org_id", "=", orgId).orderBy("id", "desc").limit(sql.lit(1)),
);

/** Look-ups of the audit. */
export function auditReader(db: Kysely<Schema>) {
  return {
    /** `total` counts what the filter matches, whatever `before`, `after` and `limit` are: see totalOf. */
    async auditEvents(filter) {
      const ids = await pageIds(db, filter);
      if (ids.length === 0) return { rows: [], total: await totalOf(db, filter) };
      // The numbers first, from an index that has all it takes; only the page's own rows are then read from the table.
      const rows = await boundedPage<AuditEvent>(ids.length, async (count, before) => {
        const portion = await db
          .selectFrom("audit_events")
          .selectAll()
          .where("org_id", "=", filter.orgId)
          .where("id", "in", ids.slice(before.length, before.length + count))
          .orderBy("id", filter.after === undefined ? "desc" : "asc")
          .execute();
        return portion.map(eventOf);
      });
      return { rows, total: await totalOf(db, filter) };
    },
    async auditEvent(orgId, id) {
      const row = await db
        .selectFrom("audit_events")
        .selectAll()
        .where("org_id", "=", orgId)
        .where("id", "=", id)
        .executeTakeFirst();
      return row === undefined ? null : eventOf(row);
    },
    async auditHead(orgId) {
      const row = await head(db, { orgId });
      return row === undefined ? null : eventOf(row);
    },
  } satisfies Partial<Reader>;
}

/** An event cannot be changed or deleted: the database refuses it. */
export function auditWriter(db: Kysely<Schema>) {
  return {
    async insertAuditEvent(event) {
      await insert(db, {
        org_id: event.orgId,
        id: event.id,
        actor: event.actor,
        action: event.action,
        resource_type: event.resourceType,
        resource_id: event.resourceId,
        metadata: JSON.stringify(event.metadata),
        source: typeof event.metadata.source === "string" ? event.metadata.source : null,
        created_at: event.createdAt,
        signature: event.signature,
        prev_signature: event.prevSignature,
        key_id: event.keyId,
      });
    },
  } satisfies Partial<Writer>;
}
