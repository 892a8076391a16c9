import { sql, type Kysely } from "kysely";
import type { Deployment } from "../../core/bundle.js";
import { prefixesOf } from "./audit/token-prefixes.js";
import { countRows } from "./paging.js";
import { preparedFirst, preparedInsert } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { DeploymentFilter, DeploymentScope, Reader, Writer } from "../store.js";

/** A count reads every row that it counts: what a filter matches is counted so far. */
const MAX_COUNTED = 10_000;

const { read: deploymentOf, write: rowOf } = rowMapping<Deployment, "deployments">({ performed_by: "json" });

const byId = preparedFirst((db, { orgId, id }: { orgId: string; id: string }) =>
  db.selectFrom("deployments").selectAll().where("id", "=", id).where("org_id", "=", orgId),
);

const newest = preparedFirst((db, { environmentId }: { environmentId: string }) =>
  db
    .selectFrom("deployments")
    .innerJoin("environments", "environments.id", "deployments.environment_id")
    .select(["deployments.sequence", "environments.skipped_sequences"])
    .where("deployments.environment_id", "=", environmentId)
    .orderBy("deployments.sequence", "desc")
    .limit(sql.lit(1)),
);

const insert = preparedInsert("deployments");

/** Look-ups of deployments. */
export function deploymentReader(db: Kysely<Schema>) {
  return {
    async deployment(orgId, id) {
      const row = await byId(db, { orgId, id });
      return row === undefined ? null : deploymentOf(row);
    },
    async deploymentsById(ids) {
      if (ids.length === 0) return [];
      return (await db.selectFrom("deployments").selectAll().where("id", "in", ids).execute()).map(deploymentOf);
    },
    async deploymentBySequence(environmentId, sequence) {
      const row = await db
        .selectFrom("deployments")
        .selectAll()
        .where("environment_id", "=", environmentId)
        .where("sequence", "=", sequence)
        .executeTakeFirst();
      return row === undefined ? null : deploymentOf(row);
    },
    async newestDeploymentOf(environmentId, policyHash) {
      const row = await db
        .selectFrom("deployments")
        .selectAll()
        .where("environment_id", "=", environmentId)
        .where("policy_hash", "=", policyHash)
        .orderBy("sequence", "desc")
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? null : deploymentOf(row);
    },
    async earlierActivation(environmentId, below, limit) {
      const rows = await db
        .selectFrom("deployments")
        .leftJoin("bundles", "bundles.id", "deployments.bundle_id")
        .select(["deployments.sequence", "deployments.version", "bundles.id as kept"])
        .where("deployments.environment_id", "=", environmentId)
        .where("deployments.sequence", "<", below.sequence)
        .orderBy("deployments.sequence", "desc")
        .limit(limit)
        .execute();
      const found = rows.find(({ version, kept }) => version < below.version && kept !== null);
      return { version: found?.version ?? null, next: rows.length < limit ? null : (rows.at(-1)?.sequence ?? null) };
    },
    async deploymentsOf(bundleId, { limit, offset }) {
      const of = db.selectFrom("deployments").where("bundle_id", "=", bundleId);
      const rows = await of.selectAll().orderBy("sequence", "desc").limit(limit).offset(offset).execute();
      return { rows: rows.map(deploymentOf), total: await countRows(of) };
    },
    async deployments(environmentId, { limit, offset }) {
      const of = db.selectFrom("deployments").where("environment_id", "=", environmentId);
      const newestFirst = of.selectAll().orderBy("sequence", "desc").limit(limit);
      const last = await newest(db, { environmentId });
      if (last !== undefined && last.skipped_sequences > 0) {
        const rows = await newestFirst.offset(offset).execute();
        return { rows: rows.map(deploymentOf), total: await countRows(of) };
      }
      // Every activation has the next sequence and none is deleted: the newest sequence is how many there are, and the rows of a
      // page are known by theirs, however far back it is.
      const total = last?.sequence ?? 0;
      const rows = await newestFirst.where("sequence", "<=", total - offset).execute();
      return { rows: rows.map(deploymentOf), total };
    },
    async findDeployments(scope, filter, { limit, offset }) {
      const found = matching(db, scope, filter, await actorsOf(db, scope, filter));
      const counted = await db
        .selectFrom(found.select("sequence").limit(MAX_COUNTED).as("counted"))
        .select((eb) => eb.fn.countAll<number | string>().as("total"))
        .executeTakeFirstOrThrow();
      const newestFirst = found.selectAll().orderBy("at", "desc").orderBy("sequence", "desc");
      const rows = await newestFirst.limit(limit).offset(offset).execute();
      return { rows: rows.map(deploymentOf), total: Number(counted.total) };
    },
  } satisfies Partial<Reader>;
}

async function actorsOf(db: Kysely<Schema>, { orgId }: DeploymentScope, { actor }: DeploymentFilter) {
  return actor === undefined ? undefined : await prefixesOf(db, orgId, actor);
}

/** One index has all that these conditions ask for, but for the version. */
function matching(
  db: Kysely<Schema>,
  { projectId, environmentId }: DeploymentScope,
  { version, kind, since, until }: DeploymentFilter,
  actors: readonly string[] | undefined,
) {
  let query = db.selectFrom("deployments").where("project_id", "=", projectId);
  // What is deleted goes in steps.
  query =
    environmentId === undefined
      ? query.where("environment_id", "in", (eb) =>
          eb
            .selectFrom("environments")
            .where("environments.project_id", "=", projectId)
            .where("environments.deleted_at", "is", null)
            .select("environments.id"),
        )
      : query.where("environment_id", "=", environmentId);
  if (version !== undefined) query = query.where("version", "=", version);
  if (kind !== undefined) query = query.where("kind", "=", kind);
  if (since !== undefined) query = query.where("at", ">=", since);
  if (until !== undefined) query = query.where("at", "<=", until);
  return actors === undefined ? query : query.where("actor", "in", actors);
}

/** Changes of deployments. */
export function deploymentWriter(db: Kysely<Schema>) {
  return {
    async insertDeployment(deployment) {
      await insert(db, rowOf(deployment));
    },
  } satisfies Partial<Writer>;
}
