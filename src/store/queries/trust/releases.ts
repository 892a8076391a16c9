import { sql, type ExpressionBuilder, type Kysely } from "kysely";
import type { Release, ReleaseSubject } from "../../../core/trust/release.js";
import { rowMapping } from "../../row-mapping.js";
import type { Schema } from "../../schema.js";
import type { TrustReader, TrustWriter } from "../../trust-store.js";
import { countRows } from "../paging.js";

const releases = rowMapping<Release, "releases">({});
const subjectRows = rowMapping<ReleaseSubject, "release_subjects">({});

/** Look-ups of releases. */
export function releaseReader(db: Kysely<Schema>) {
  return {
    async release(projectId, digest) {
      const row = await db
        .selectFrom("releases")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("digest", "=", digest)
        .executeTakeFirst();
      return row === undefined ? null : releases.read(row);
    },
    async releases(projectId, { limit, offset }, environment) {
      const all = db.selectFrom("releases").where("project_id", "=", projectId);
      const own = db
        .selectFrom("release_subjects")
        .select("digest")
        .where("project_id", "=", projectId)
        .where("environment", "=", environment ?? "");
      const of = environment === undefined ? all : all.where("digest", "in", own);
      const sorted = of.selectAll().orderBy("number", "desc").orderBy("digest");
      const rows = await sorted.limit(limit).offset(offset).execute();
      return { rows: rows.map(releases.read), total: await countRows(of) };
    },
    async releasesOf({ projectId, environment, contentSha256 }, limit) {
      const rows = await db
        .selectFrom("release_subjects")
        .innerJoin("releases", (join) =>
          join
            .onRef("releases.project_id", "=", "release_subjects.project_id")
            .onRef("releases.digest", "=", "release_subjects.digest"),
        )
        .selectAll("releases")
        .where("release_subjects.project_id", "=", projectId)
        .where("release_subjects.environment", "=", environment)
        .where("release_subjects.content_sha256", "=", contentSha256)
        .orderBy("release_subjects.number", "desc")
        .orderBy("release_subjects.digest")
        .limit(limit)
        .execute();
      return rows.map(releases.read);
    },
    async countReleases(projectId) {
      return await countRows(db.selectFrom("releases").where("project_id", "=", projectId));
    },
  } satisfies Partial<TrustReader>;
}

/** Changes of releases. */
export function releaseWriter(db: Kysely<Schema>) {
  return {
    async putRelease(release, subjects) {
      await db
        .insertInto("releases")
        .values(releases.write(release))
        .onConflict((conflict) => conflict.columns(["project_id", "digest"]).doNothing())
        .execute();
      if (subjects.length === 0) return;
      await db
        .insertInto("release_subjects")
        .values(subjects.map(subjectRows.write))
        .onConflict((conflict) =>
          conflict.columns(["project_id", "environment", "content_sha256", "digest"]).doNothing(),
        )
        .execute();
    },
    async updateRelease({ projectId, digest, envelope }) {
      await db
        .updateTable("releases")
        .set({ envelope })
        .where("project_id", "=", projectId)
        .where("digest", "=", digest)
        .execute();
    },
    async deleteUnneededReleases(projectId, limit) {
      const unneeded = db
        .selectFrom("releases")
        .select("digest")
        .where("project_id", "=", projectId)
        .where((eb) => eb.not(eb.exists(bundlesMadeActive(eb))))
        .orderBy("number")
        .limit(limit);
      const result = await db
        .deleteFrom("releases")
        .where("project_id", "=", projectId)
        .where("digest", "in", unneeded)
        .executeTakeFirstOrThrow();
      return Number(result.numDeletedRows);
    },
  } satisfies Partial<TrustWriter>;
}

/** The kept bundles that were active with a content that the release of the outer query allows there. */
function bundlesMadeActive(eb: ExpressionBuilder<Schema, "releases">) {
  return eb
    .selectFrom("release_subjects")
    .innerJoin("environments", (join) =>
      join
        .onRef("environments.project_id", "=", "release_subjects.project_id")
        .onRef("environments.name", "=", "release_subjects.environment"),
    )
    .innerJoin("deployments", (join) =>
      join
        .onRef("deployments.environment_id", "=", "environments.id")
        .on("deployments.policy_hash", "=", sql<string>`${sql.lit("sha256:")} || release_subjects.content_sha256`),
    )
    .innerJoin("bundles", "bundles.id", "deployments.bundle_id")
    .select("bundles.id")
    .whereRef("release_subjects.project_id", "=", "releases.project_id")
    .whereRef("release_subjects.digest", "=", "releases.digest");
}
