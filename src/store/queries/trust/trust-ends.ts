import { sql, type Kysely } from "kysely";
import type { Schema } from "../../schema.js";
import type { TrustEnd, TrustReader } from "../../trust-store.js";

/** What runtimes refuse soon. */
export function trustEndReader(db: Kysely<Schema>) {
  return {
    async trustEnds(before, limit) {
      return [...(await rootEnds(db, before, limit)), ...(await releaseEnds(db, before, limit))];
    },
  } satisfies Partial<TrustReader>;
}

async function rootEnds(db: Kysely<Schema>, before: string, limit: number): Promise<readonly TrustEnd[]> {
  return await db
    .selectFrom("trust_roots")
    .innerJoin("projects", "projects.id", "trust_roots.project_id")
    .select(["projects.org_id as orgId", "projects.id as projectId", "projects.slug as project"])
    .select([sql<null>`null`.as("environment"), "trust_roots.version as number", "trust_roots.expires_at as expiresAt"])
    .where("projects.deleted_at", "is", null)
    .where("trust_roots.expires_at", "<", before)
    .where("trust_roots.version", "=", (eb) =>
      eb
        .selectFrom("trust_roots as newest")
        .select(({ fn }) => fn.max("newest.version").as("version"))
        .where("newest.project_id", "=", eb.ref("trust_roots.project_id")),
    )
    .orderBy("trust_roots.expires_at")
    .limit(limit)
    .execute();
}

async function releaseEnds(db: Kysely<Schema>, before: string, limit: number): Promise<readonly TrustEnd[]> {
  return await db
    .selectFrom("releases")
    .innerJoin("activation_attestations", "activation_attestations.release_digest", "releases.digest")
    .innerJoin("environments", (join) =>
      join
        .onRef("environments.active_deployment_id", "=", "activation_attestations.deployment_id")
        .onRef("environments.project_id", "=", "releases.project_id"),
    )
    .innerJoin("projects", "projects.id", "environments.project_id")
    .select(["projects.org_id as orgId", "projects.id as projectId", "projects.slug as project"])
    .select(["environments.name as environment", "releases.number as number"])
    .select(sql<string>`releases.expires_at`.as("expiresAt"))
    .where("environments.deleted_at", "is", null)
    .where("releases.expires_at", "<", before)
    .orderBy("releases.expires_at")
    .limit(limit)
    .execute();
}
