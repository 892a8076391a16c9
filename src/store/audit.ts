import { sql, type Kysely, type SelectQueryBuilder } from "kysely";
import type { AuditEvent, Metadata } from "../core/audit.js";
import { countRows } from "./count.js";
import { preparedFirst, preparedInsert } from "./prepared.js";
import type { Row, Schema } from "./schema.js";
import type { AuditFilter, Reader, Writer } from "./store.js";

const insert = preparedInsert("audit_events");

/** The limit is a literal: SQLite plans a statement anew each time that a limit is bound to it. */
const head = preparedFirst((db, { orgId }: { orgId: string }) =>
  db.selectFrom("audit_events").selectAll().where("org_id", "=", orgId).orderBy("id", "desc").limit(sql.lit(1)),
);

export function auditReader(db: Kysely<Schema>): Pick<Reader, "auditEvents" | "auditEvent" | "auditHead"> {
  return {
    /** `total` counts what the filter matches, whatever `before`, `after` and `limit` are. */
    async auditEvents(filter) {
      const direction = filter.after === undefined ? "desc" : "asc";
      // The ids first, from an index that has all it takes; only the page's own rows are then read from the table.
      const ids = between(matching(db, filter), filter).select("id").orderBy("id", direction).limit(filter.limit);
      const rows = await db
        .selectFrom("audit_events")
        .selectAll()
        .where("org_id", "=", filter.orgId)
        .where("id", "in", ids)
        .orderBy("id", direction)
        .execute();
      return { rows: rows.map(eventOf), total: await totalOf(db, filter) };
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
  };
}

/** An event cannot be changed or deleted: the database refuses it. */
export function auditWriter(db: Kysely<Schema>): Pick<Writer, "insertAuditEvent"> {
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
        created_at: event.createdAt,
        signature: event.signature,
        prev_signature: event.prevSignature,
        key_id: event.keyId,
      });
    },
  };
}

type Events = SelectQueryBuilder<Schema, "audit_events", object>;

function matching(db: Kysely<Schema>, filter: AuditFilter): Events {
  let query = db.selectFrom("audit_events").where("org_id", "=", filter.orgId);
  if (filter.actor !== undefined) query = query.where("actor", "=", filter.actor);
  if (filter.resourceType !== undefined) query = query.where("resource_type", "=", filter.resourceType);
  if (filter.resourceId !== undefined) query = query.where("resource_id", "=", filter.resourceId);
  if (filter.since !== undefined) query = query.where("created_at", ">=", filter.since);
  if (filter.until !== undefined) query = query.where("created_at", "<=", filter.until);
  return withAction(query, filter);
}

function withAction(query: Events, { action, actor, resourceId }: AuditFilter): Events {
  if (action === undefined) return query;
  if (!action.endsWith(".*")) return query.where("action", "=", action);
  // A range instead of LIKE: nothing in the prefix is a wildcard, and an index serves it. `/` is the character after `.`, so
  // this is what starts with the prefix, for a database that compares text by code point.
  const stem = action.slice(0, -2);
  const isNarrowed = actor !== undefined || resourceId !== undefined;
  return query.where((eb) => {
    // SQLite takes a range with two ends to be narrower than one actor, which it hardly ever is. An expression has no index.
    const column = isNarrowed ? eb.fn.coalesce("action", eb.val("")) : eb.ref("action");
    return eb.and([eb(column, ">=", `${stem}.`), eb(column, "<", `${stem}/`)]);
  });
}

function between(query: Events, { before, after }: AuditFilter): Events {
  const below = before === undefined ? query : query.where("id", "<", before);
  return after === undefined ? below : below.where("id", ">", after);
}

async function totalOf(db: Kysely<Schema>, filter: AuditFilter): Promise<number> {
  const { orgId, limit: _limit, before: _before, after: _after, ...filters } = filter;
  if (Object.values(filters).some((value) => value !== undefined)) return countRows(matching(db, filter));
  // Events count from 1 without gaps and are never deleted: the newest number is how many there are.
  const { newest } = await db
    .selectFrom("audit_events")
    .where("org_id", "=", orgId)
    .select((eb) => eb.fn.max<number | null>("id").as("newest"))
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

function eventOf(row: Row<"audit_events">): AuditEvent {
  return {
    orgId: row.org_id,
    id: row.id,
    actor: row.actor,
    action: row.action,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    metadata: JSON.parse(row.metadata) as Metadata,
    createdAt: row.created_at,
    signature: row.signature,
    prevSignature: row.prev_signature,
    keyId: row.key_id,
  };
}
