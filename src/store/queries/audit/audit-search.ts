import { sql, type Kysely, type SelectQueryBuilder } from "kysely";
import type { Schema } from "../../schema.js";
import type { AuditFilter } from "../../store.js";
import { prefixesOf } from "./token-prefixes.js";

/** A count reads every row that it counts: what a filter matches is counted so far. */
const MAX_COUNTED = 10_000;

type Events = SelectQueryBuilder<Schema, "audit_events", object>;

/**
 * A filter as indexes serve it: instants have become numbers (events are numbered in the order of their times), and an actor has become
 * the prefixes that it had.
 */
type Search = Omit<AuditFilter, "since" | "until"> & { readonly actors?: readonly string[] };

/** The numbers of one page, in its order. Reads no more than some pages' worth of an index, however long the chain is. */
export async function pageIds(db: Kysely<Schema>, filter: AuditFilter): Promise<readonly number[]> {
  const search = await searchOf(db, filter);
  const isUp = filter.after !== undefined;
  let ids: readonly number[] = [];
  // An index has the numbers of one value in order, but not those of several: a page of each, merged.
  for await (const part of partsOf(db, search)) {
    const last = ids.length < filter.limit ? undefined : ids.at(-1);
    const open = last === undefined ? part : isUp ? { ...part, before: last } : { ...part, after: last };
    const page = between(matching(db, open), open)
      .select("id")
      .orderBy("id", isUp ? "asc" : "desc");
    const rows = await page.limit(filter.limit).execute();
    const merged = [...ids, ...rows.map(({ id }) => id)].sort((a, b) => (isUp ? a - b : b - a));
    ids = merged.slice(0, filter.limit);
  }
  return ids;
}

/** How many events the filter matches whatever its page is: exactly by instants alone, else up to MAX_COUNTED. */
export async function totalOf(db: Kysely<Schema>, filter: AuditFilter): Promise<number> {
  const { orgId, since, until } = filter;
  const whole = { orgId, limit: 1, ...(since && { since }), ...(until && { until }) };
  const { after = 0, before = 1 } = await searchOf(db, { ...whole, before: (await newestId(db, orgId)) + 1 });
  // Events count from 1 without gaps and are never deleted.
  if (conditionsOf(filter).length === 0) return Math.max(0, before - after - 1);
  let total = 0;
  for await (const part of partsOf(db, await searchOf(db, filter))) {
    const all = between(matching(db, part), { orgId, limit: 1, after, before });
    const counted = await db
      .selectFrom(
        all
          .select("id")
          .limit(MAX_COUNTED - total)
          .as("counted"),
      )
      .select((eb) => eb.fn.countAll<number | string>().as("total"))
      .executeTakeFirstOrThrow();
    total += Number(counted.total);
    if (total >= MAX_COUNTED) break;
  }
  return total;
}

async function searchOf(db: Kysely<Schema>, { since, until, actor, ...filter }: AuditFilter): Promise<Search> {
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
  return {
    ...filter,
    ...(after !== undefined && { after }),
    ...(before !== undefined && { before }),
    ...(actor !== undefined && { actors: await prefixesOf(db, filter.orgId, actor) }),
  };
}

async function newestId(db: Kysely<Schema>, orgId: string): Promise<number> {
  const { newest } = await db
    .selectFrom("audit_events")
    .where("org_id", "=", orgId)
    .select((eb) => eb.fn.max<number | null>("id").as("newest"))
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

/** The searches of one index range each whose results together are those of a search. */
async function* partsOf(db: Kysely<Schema>, search: Search): AsyncGenerator<Search> {
  if (search.actors !== undefined) {
    const { actors, ...rest } = search;
    for (const actor of actors) yield { ...rest, actor };
  } else if (isAlone(search, "projectId")) {
    for await (const environment of environmentsOf(db, search)) yield { ...search, environment };
  } else if (isAlone(search, "action") && prefixRange(search.action) !== undefined) {
    for await (const action of actionsOf(db, search)) yield { ...search, action };
  } else {
    yield search;
  }
}

/** What a filter may ask for, besides numbers and instants. */
const CONDITIONS = [
  ...(["actor", "actors", "action", "resourceType", "resourceId", "source", "projectId", "environment"] as const),
];
type Condition = (typeof CONDITIONS)[number];
type Conditions = { readonly [K in Condition]?: unknown };

function conditionsOf(filter: Conditions): readonly Condition[] {
  return CONDITIONS.filter((name) => filter[name] !== undefined);
}

/** Whether no index but that of this condition can serve the search: an action's prefix is a range, which has no order of numbers. */
function isAlone(search: Search, condition: keyof Search & Condition): boolean {
  if (search[condition] === undefined) return false;
  const isRange = prefixRange(search.action) !== undefined;
  return conditionsOf(search).every((name) => name === condition || (name === "action" && isRange));
}

function matching(db: Kysely<Schema>, search: Search): Events {
  let query = db.selectFrom("audit_events").where("org_id", "=", search.orgId);
  if (search.actor !== undefined) query = query.where("actor", "=", search.actor);
  if (search.resourceType !== undefined) query = query.where("resource_type", "=", search.resourceType);
  if (search.resourceId !== undefined) query = query.where("resource_id", "=", search.resourceId);
  if (search.source !== undefined) query = query.where("source", "=", search.source);
  return withAction(withPlace(query, search), search);
}

function withPlace(query: Events, search: Search): Events {
  const { projectId, environment } = search;
  if (projectId === undefined) return query;
  if (environment !== undefined)
    return query.where("project_id", "=", projectId).where("environment", "=", environment);
  // The index of places has numbers in order for one environment only; another condition has an index that has them.
  return query.where((eb) => eb(eb.fn.coalesce("project_id", eb.val("")), "=", projectId));
}

function withAction(query: Events, search: Search): Events {
  const { action } = search;
  if (action === undefined) return query;
  const range = prefixRange(action);
  if (range === undefined) return query.where("action", "=", action);
  return query.where((eb) => {
    // SQLite takes a range with two ends to be narrower than one actor, which it hardly ever is. An expression has no index.
    const column = isAlone(search, "action") ? eb.ref("action") : eb.fn.coalesce("action", eb.val(""));
    return eb.and([eb(column, ">=", range.from), eb(column, "<", range.to)]);
  });
}

/** `bundle.*` as a range instead of LIKE: nothing in it is a wildcard, and an index serves it. `/` is the character after `.`. */
function prefixRange(action: string | undefined): { from: string; to: string } | undefined {
  if (action?.endsWith(".*") !== true) return undefined;
  const stem = action.slice(0, -2);
  return { from: `${stem}.`, to: `${stem}/` };
}

/** The actions of a prefix that there are: one look at the index for each, over all the events that have it. */
async function* actionsOf(db: Kysely<Schema>, { orgId, action }: Search): AsyncGenerator<string> {
  const range = prefixRange(action);
  for (let from = range?.from, isFirst = true; from !== undefined; isFirst = false) {
    const next = await db
      .selectFrom("audit_events")
      .where("org_id", "=", orgId)
      .where("action", isFirst ? ">=" : ">", from)
      .where("action", "<", range?.to ?? "")
      .select((eb) => eb.fn.min<string | null>("action").as("action"))
      .executeTakeFirstOrThrow();
    from = next.action ?? undefined;
    if (from !== undefined) yield from;
  }
}

/** The environments that events of a project name, and "" for those of none; as actionsOf. */
async function* environmentsOf(db: Kysely<Schema>, { orgId, projectId = "" }: Search): AsyncGenerator<string> {
  for (let from: string | undefined = "", isFirst = true; from !== undefined; isFirst = false) {
    const next: { environment: string | null } = await db
      .selectFrom("audit_events")
      .where("org_id", "=", orgId)
      .where("project_id", "=", projectId)
      .where("environment", isFirst ? ">=" : ">", from)
      .select((eb) => eb.fn.min<string | null>("environment").as("environment"))
      .executeTakeFirstOrThrow();
    from = next.environment ?? undefined;
    if (from !== undefined) yield from;
  }
}

function between(query: Events, { before, after }: Search): Events {
  const below = before === undefined ? query : query.where("id", "<", before);
  return after === undefined ? below : below.where("id", ">", after);
}
