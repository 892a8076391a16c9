import { sql, type Kysely } from "kysely";
import type { TrustRoot } from "../../../core/trust/trust-root.js";
import { rowMapping } from "../../row-mapping.js";
import type { Schema } from "../../schema.js";
import type { TrustReader, TrustWriter } from "../../trust-store.js";
import { preparedFirst } from "../prepared.js";

const roots = rowMapping<TrustRoot, "trust_roots">({});

const newest = preparedFirst((db, { projectId }: { projectId: string }) =>
  db
    .selectFrom("trust_roots")
    .selectAll()
    .where("project_id", "=", projectId)
    .orderBy("version", "desc")
    .limit(sql.lit(1)),
);

/** Look-ups of roots. */
export function rootReader(db: Kysely<Schema>) {
  return {
    async newestTrustRoot(projectId) {
      const row = await newest(db, { projectId });
      return row === undefined ? null : roots.read(row);
    },
    async newestTrustRoots(after, limit) {
      const rows = await db
        .selectFrom("trust_roots")
        .innerJoin("projects", "projects.id", "trust_roots.project_id")
        .selectAll("trust_roots")
        .select(["projects.org_id", "projects.slug"])
        .where("projects.deleted_at", "is", null)
        .where("trust_roots.project_id", ">", after)
        .where("trust_roots.version", "=", (query) =>
          query
            .selectFrom("trust_roots as newer")
            .select(({ fn }) => fn.max("newer.version").as("version"))
            .whereRef("newer.project_id", "=", "trust_roots.project_id"),
        )
        .orderBy("trust_roots.project_id")
        .limit(limit)
        .execute();
      return rows.map(({ org_id: orgId, slug, ...row }) => ({
        root: roots.read(row),
        project: { id: row.project_id, orgId, slug },
      }));
    },
    async trustRoot(projectId, version) {
      const row = await db
        .selectFrom("trust_roots")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("version", "=", version)
        .executeTakeFirst();
      return row === undefined ? null : roots.read(row);
    },
    async trustRootsAfter(projectId, version, limit) {
      const rows = await db
        .selectFrom("trust_roots")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("version", ">", version)
        .orderBy("version")
        .limit(limit)
        .execute();
      return rows.map(roots.read);
    },
  } satisfies Partial<TrustReader>;
}

/** Changes of roots. */
export function rootWriter(db: Kysely<Schema>) {
  return {
    async insertTrustRoot(root) {
      await db.insertInto("trust_roots").values(roots.write(root)).execute();
    },
  } satisfies Partial<TrustWriter>;
}
