import { sql, type Expression, type Kysely, type SqlBool } from "kysely";
import type { RolloutState, RuntimeInstance } from "../../../core/runtime-instance.js";
import type { FleetFilter, FleetGrouping, FleetReader } from "../../fleet-store.js";
import type { Schema } from "../../schema.js";
import { instanceOf } from "./instances.js";
import { boundedPage } from "../paging.js";

/** Look-ups across a fleet. */
export function fleetReader(db: Kysely<Schema>): FleetReader {
  return {
    async fleetEnvironments({ projectId, environmentId, name }, filter) {
      let query = db
        .selectFrom("environments")
        .leftJoin("deployments as active", "active.id", "environments.active_deployment_id")
        .where("environments.project_id", "=", projectId)
        .where("environments.deleted_at", "is", null);
      if (environmentId !== undefined) query = query.where("environments.id", "=", environmentId);
      if (name !== undefined) query = query.where("environments.name", "=", name);
      const rows = await query
        .select([
          "environments.id",
          "environments.name",
          "environments.sequence as newest",
          "active.sequence as active",
        ])
        .select((eb) =>
          eb
            .selectFrom("instances")
            .whereRef("instances.environment_id", "=", "environments.id")
            .where((it) => it.and(conditions(filter)))
            .select((it) => it.fn.countAll<number | string>().as("total"))
            .as("total"),
        )
        .orderBy("environments.position")
        .orderBy("environments.name")
        .execute();
      return rows.map((row) => ({
        environmentId: row.id,
        name: row.name,
        newestSequence: row.newest,
        activeSequence: row.active,
        total: Number(row.total),
      }));
    },
    async fleetInstances(environmentId, filter, { limit, offset }, order) {
      const all = withActive(db, environmentId).where((eb) => eb.and(conditions(filter, IN_ORDER)));
      const matching =
        order === "instance_id"
          ? all.orderBy("instances.token_id").orderBy("instances.instance_id")
          : all.orderBy("instances.last_seen", "desc").orderBy("instances.instance_id", "desc");
      return await boundedPage<RuntimeInstance>(limit, async (count, before) => {
        const portion = matching.limit(count).offset(offset + before.length);
        return (await portion.execute()).map(instanceOf);
      });
    },
    async fleetGroups(environmentId, filter, grouping, limit) {
      const standing = db
        .selectFrom("instances")
        .innerJoin("environments", "environments.id", "instances.environment_id")
        .leftJoin("deployments as active", "active.id", "environments.active_deployment_id")
        .where("instances.environment_id", "=", environmentId)
        .where((eb) => eb.and(conditions(filter)))
        .select([
          valueOf(grouping).as("value"),
          sql<number>`case when instances.live_until > ${filter.now} then 1 else 0 end`.as("live"),
          ROLLOUT.as("rollout"),
        ]);
      const rows = await db
        .selectFrom(standing.as("standing"))
        .select(["value", "live", "rollout"])
        .select((eb) => eb.fn.countAll<number | string>().as("count"))
        .groupBy(["value", "live", "rollout"])
        .orderBy("count", "desc")
        .limit(limit)
        .execute();
      return rows.map(({ value, live, rollout, count }) => ({
        ...{ value, rollout, isLive: Number(live) === 1, count: Number(count) },
      }));
    },
    async namedEnvironments(after, limit) {
      const rows = await db
        .selectFrom("environments")
        .innerJoin("projects", "projects.id", "environments.project_id")
        .innerJoin("organizations", "organizations.id", "environments.org_id")
        .leftJoin("deployments as active", "active.id", "environments.active_deployment_id")
        .where("environments.id", ">", after)
        .where("environments.deleted_at", "is", null)
        .select(["environments.id", "environments.name", "organizations.slug as organization"])
        .select(["projects.slug as project", "active.sequence", "active.at"])
        .orderBy("environments.id")
        .limit(limit)
        .execute();
      return rows.map(({ sequence, at, ...environment }) => ({
        ...environment,
        active: sequence === null || at === null ? null : { sequence, at },
      }));
    },
    async environmentsWithLive(environmentIds, now) {
      if (environmentIds.length === 0) return new Set();
      const rows = await db
        .selectFrom("instances")
        .where("environment_id", "in", environmentIds)
        .where("live_until", ">", now)
        .select("environment_id")
        .distinct()
        .execute();
      return new Set(rows.map((row) => row.environment_id));
    },
    async liveCounts(environmentId, now) {
      // Of one environment: sorting by its id too costs four times as much.
      const alike = ["state", "applied_version", "applied_sequence", "reported_sequence"] as const;
      const rows = await db
        .selectFrom("instances")
        .where("environment_id", "=", environmentId)
        .where("live_until", ">", now)
        .select(alike)
        .select((eb) => eb.fn.countAll<number | string>().as("count"))
        .groupBy(alike)
        .execute();
      return rows.map((row) => ({
        state: row.state,
        appliedVersion: row.applied_version,
        appliedSequence: row.applied_sequence,
        reportedSequence: row.reported_sequence,
        count: Number(row.count),
      }));
    },
    async liveInstances(environmentId, state, now, limit) {
      const live = withActive(db, environmentId).where("instances.live_until", ">", now).where(isIn(state));
      return (await live.limit(limit).execute()).map(instanceOf);
    },
  };
}

/** The instances of an environment, joined with its active deployment as `active`. */
function withActive(db: Kysely<Schema>, environmentId: string) {
  return db
    .selectFrom("instances")
    .innerJoin("environments", "environments.id", "instances.environment_id")
    .leftJoin("deployments as active", "active.id", "environments.active_deployment_id")
    .where("instances.environment_id", "=", environmentId)
    .selectAll("instances");
}

/** No index begins with an expression: keeps a query on the index of its order, which a page leaves early. */
const IN_ORDER = sql`coalesce(instances.live_until, '')`;

function conditions(filter: FleetFilter, liveUntil = sql`instances.live_until`) {
  const { state, connected, live, version, label, source, agent, text, instanceId, now, connections } = filter;
  const all: Expression<SqlBool>[] = [];
  if (state !== undefined) all.push(isIn(state));
  const isOpen = sql`(${sql.join(connections)})`;
  const isLive = sql<SqlBool>`${liveUntil} > ${now}`;
  if (live === true) all.push(isLive);
  if (live === false) all.push(sql<SqlBool>`${liveUntil} <= ${now}`);
  if (connected === true) all.push(isLive, sql<SqlBool>`instances.connection in ${isOpen}`);
  if (connected === false) {
    all.push(
      sql<SqlBool>`(${liveUntil} <= ${now} or instances.connection is null or instances.connection not in ${isOpen})`,
    );
  }
  if (version !== undefined) all.push(sql<SqlBool>`instances.applied_version = ${version}`);
  if (source !== undefined) all.push(sql<SqlBool>`instances.source = ${source}`);
  if (label !== undefined) all.push(hasLabel(label));
  if (instanceId !== undefined) all.push(sql<SqlBool>`instances.instance_id = ${instanceId}`);
  if (agent !== undefined) all.push(sql<SqlBool>`substr(${SHOWN_AGENT}, 1, ${[...agent].length}) = ${agent}`);
  if (text !== undefined) all.push(hasText(text));
  return all;
}

/** As `rolloutState` of core/runtime-instance.ts, for `active.sequence`. */
function isIn(state: RolloutState): Expression<SqlBool> {
  const applied = sql<SqlBool>`(instances.state = 'applied' and coalesce(instances.applied_sequence = active.sequence, false))`;
  const rejected = sql<SqlBool>`(instances.state = 'rejected' and coalesce(instances.reported_sequence = active.sequence, false))`;
  const unknown = sql<SqlBool>`(instances.state = 'connected' or active.sequence is null)`;
  switch (state) {
    case "applied":
      return applied;
    case "rejected":
      return rejected;
    case "unknown":
      return unknown;
    case "behind":
      return sql<SqlBool>`not ${applied} and not ${rejected} and not ${unknown}`;
  }
}

/** As `isIn` of each state. */
const ROLLOUT = sql<RolloutState>`case when ${isIn("unknown")} then 'unknown' when ${isIn("applied")} then 'applied'
  when ${isIn("rejected")} then 'rejected' else 'behind' end`;

/** As it is told: what the instance reports of itself, else what its HTTP client calls itself. */
const SHOWN_AGENT = sql`coalesce(instances.agent, instances.user_agent, '')`;

function valueOf(grouping: FleetGrouping) {
  switch (grouping) {
    case "version":
      return sql<string | null>`cast(instances.applied_version as text)`;
    case "agent":
      return sql<string | null>`coalesce(instances.agent, instances.user_agent)`;
    case "labels":
      return sql<string | null>`instances.labels`;
    case "none":
      return sql<string | null>`''`;
  }
}

/** Whether one of the texts that are shown of an instance has this one. As in hasLabel, `replace` knows no wildcards. */
function hasText(text: string): Expression<SqlBool> {
  // The labels are JSON: within it a text is escaped.
  const [plain, escaped] = [text, JSON.stringify(text).slice(1, -1)];
  const shown = sql`lower(instances.instance_id || ' ' || ${SHOWN_AGENT} || ' ' || coalesce(instances.source, '') || ' ' ||
    coalesce(instances.reason, ''))`;
  return sql<SqlBool>`(replace(${shown}, lower(cast(${plain} as text)), '') <> ${shown}
    or replace(lower(instances.labels), lower(cast(${escaped} as text)), '') <> lower(instances.labels))`;
}

/**
 * Whether the JSON text of the labels has this one. Quotes within keys and values are escaped in it, so a member begins nowhere else
 * than after `{` or `,`. `replace` compares exactly in every database, unlike `like`.
 */
function hasLabel({ key, value }: { readonly key: string; readonly value: string }): Expression<SqlBool> {
  const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  const [first, later] = [`{${member}`, `,${member}`];
  return sql<SqlBool>`(replace(instances.labels, ${first}, '') <> instances.labels
    or replace(instances.labels, ${later}, '') <> instances.labels)`;
}
