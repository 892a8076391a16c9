import { sql, type Kysely, type SelectQueryBuilder } from "kysely";
import type { Schema } from "../schema.js";
import type { AuditFilter } from "../store.js";

/** A count reads every row that it counts: what a filter matches is counted so far. */
const MAX_COUNTED = 10_000;

type Events = SelectQueryBuilder<Schema, "audit_events", object>;

/** A filter whose instants have become numbers: events are numbered in the order of their times. */
type Numbered = Omit<AuditFilter, "since" | "until">;

/** The numbers of one page, in its order. Reads no more than some pages' worth of an index, however long the chain is. */
export async function pageIds(db: Kysely<Schema>, filter: AuditFilter): Promise<readonly number[]> {
  const numbered = await withoutInstants(db, filter);
  const direction = filter.after === undefined ? "desc" : "asc";
  const page = async (query: Events) => {
    const rows = await between(query, numbered).select("id").orderBy("id", direction).limit(filter.limit).execute();
    return rows.map(({ id }) => id);
  };
  if (!isPrefixAlone(numbered)) return await page(matching(db, numbered));
  // An index has the numbers of one action in order, but not those of a range of actions: a page of each, merged.
  const ids: number[] = [];
  for (const action of await actionsOf(db, numbered)) ids.push(...(await page(matching(db, { ...numbered, action }))));
  return ids.sort((a, b) => (direction === "desc" ? b - a : a - b)).slice(0, filter.limit);
}

/** How many events the filter matches whatever its page is: exactly by instants alone, else up to MAX_COUNTED. */
export async function totalOf(db: Kysely<Schema>, filter: AuditFilter): Promise<number> {
  const { orgId, actor, action, resourceType, resourceId, source, since, until } = filter;
  const whole = { orgId, limit: 1, ...(since && { since }), ...(until && { until }) };
  const { after = 0, before = 1 } = await withoutInstants(db, { ...whole, before: (await newestId(db, orgId)) + 1 });
  // Events count from 1 without gaps and are never deleted.
  if ([actor, action, resourceType, resourceId, source].every((it) => it === undefined))
    return Math.max(0, before - after - 1);
  const all = between(matching(db, filter), { orgId, limit: 1, after, before });
  const { total } = await db
    .selectFrom(all.select("id").limit(MAX_COUNTED).as("counted"))
    .select((eb) => eb.fn.countAll<number | string>().as("total"))
    .executeTakeFirstOrThrow();
  return Number(total);
}

async function withoutInstants(db: Kysely<Schema>, { since, until, ...filter }: AuditFilter): Promise<Numbered> {
  const newest = async (column: "<" | "<=", at: string) => {
    const found = await db
      .selectFrom("audit_events")
      .where("org_id", "=", filter.orgId)
      .where("created_at", column, at)
      .select("id")
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(sql.lit(1))
      .executeTakeFirst();
    return found?.id ?? 0;
  };
  const after = since === undefined ? filter.after : Math.max(filter.after ?? 0, await newest("<", since));
  const last = until === undefined ? undefined : (await newest("<=", until)) + 1;
  const before = last === undefined ? filter.before : Math.min(filter.before ?? last, last);
  return { ...filter, ...(after !== undefined && { after }), ...(before !== undefined && { before }) };
}

async function newestId(db: Kysely<Schema>, orgId: string): Promise<number> {
  const { newest } = await db
    .selectFrom("audit_events")
    .where("org_id", "=", orgId)
    .select((eb) => eb.fn.max<number | null>("id").as("newest"))
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

function matching(db: Kysely<Schema>, filter: Numbered): Events {
  let query = db.selectFrom("audit_events").where("org_id", "=", filter.orgId);
  if (filter.actor !== undefined) query = query.where("actor", "=", filter.actor);
  if (filter.resourceType !== undefined) query = query.where("resource_type", "=", filter.resourceType);
  if (filter.resourceId !== undefined) query = query.where("resource_id", "=", filter.resourceId);
  if (filter.source !== undefined) query = query.where("source", "=", filter.source);
  return withAction(query, filter);
}

function withAction(query: Events, filter: Numbered): Events {
  const { action } = filter;
  if (action === undefined) return query;
  const range = prefixRange(action);
  if (range === undefined) return query.where("action", "=", action);
  return query.where((eb) => {
    // SQLite takes a range with two ends to be narrower than one actor, which it hardly ever is. An expression has no index.
    const column = isPrefixAlone(filter) ? eb.ref("action") : eb.fn.coalesce("action", eb.val(""));
    return eb.and([eb(column, ">=", range.from), eb(column, "<", range.to)]);
  });
}

/** `bundle.*` as a range instead of LIKE: nothing in it is a wildcard, and an index serves it. `/` is the character after `.`. */
function prefixRange(action: string): { from: string; to: string } | undefined {
  if (!action.endsWith(".*")) return undefined;
  const stem = action.slice(0, -2);
  return { from: `${stem}.`, to: `${stem}/` };
}

function isPrefixAlone({ action = "", actor, resourceType, resourceId, source }: Numbered): boolean {
  return action.endsWith(".*") && [actor, resourceType, resourceId, source].every((it) => it === undefined);
}

/** The actions of a prefix that there are: one look at the index for each, over all the events that have it. */
async function actionsOf(db: Kysely<Schema>, { orgId, action = "" }: Numbered): Promise<readonly string[]> {
  const range = prefixRange(action);
  const actions: string[] = [];
  for (let from = range?.from, isFirst = true; from !== undefined; isFirst = false) {
    const next = await db
      .selectFrom("audit_events")
      .where("org_id", "=", orgId)
      .where("action", isFirst ? ">=" : ">", from)
      .where("action", "<", range?.to ?? "")
      .select((eb) => eb.fn.min<string | null>("action").as("action"))
      .executeTakeFirstOrThrow();
    from = next.action ?? undefined;
    if (from !== undefined) actions.push(from);
  }
  return actions;
}

function between(query: Events, { before, after }: Numbered): Events {
  const below = before === undefined ? query : query.where("id", "<", before);
  return after === undefined ? below : below.where("id", ">", after);
}
