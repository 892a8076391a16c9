import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Project } from "../../core/organization.js";
import { countRows } from "./paging.js";
import { preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

const { read: projectOf } = rowMapping<Project, "projects">({ deleted_at: "hidden" });

const byId = preparedFirst((db, { orgId, id }: { orgId: string; id: string }) =>
  projects(db).selectAll().where("id", "=", id).where("org_id", "=", orgId),
);

const bySlug = preparedFirst((db, { orgId, slug }: { orgId: string; slug: string }) =>
  projects(db).selectAll().where("org_id", "=", orgId).where("slug", "=", slug),
);

/** Look-ups of projects. */
export function projectReader(db: Kysely<Schema>) {
  return {
    async project(orgId, id) {
      const row = await byId(db, { orgId, id });
      return row === undefined ? null : projectOf(row);
    },
    async projectBySlug(orgId, slug) {
      const row = await bySlug(db, { orgId, slug });
      return row === undefined ? null : projectOf(row);
    },
    async projectsNamed(orgId, name, limit) {
      const named = projects(db).where("org_id", "=", orgId).where("name", "=", name);
      return (await named.selectAll().limit(limit).execute()).map(projectOf);
    },
    async projects(orgId, { limit, offset }, onlyId) {
      let visible = projects(db).where("org_id", "=", orgId);
      if (onlyId !== undefined) visible = visible.where("id", "=", onlyId);
      const rows = await visible
        .selectAll()
        .orderBy("created_at", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .offset(offset)
        .execute();
      return { rows: rows.map(projectOf), total: await countRows(visible) };
    },
  } satisfies Partial<Reader>;
}

/** Changes of projects. */
export function projectWriter(db: Kysely<Schema>) {
  return {
    async insertProject(project) {
      const { id, orgId, name, slug, createdAt } = project;
      // A look at the count instead of an error of the driver: on other databases an error ends the transaction.
      const result = await db
        .insertInto("projects")
        .values({ id, org_id: orgId, name, slug, created_at: createdAt })
        .onConflict((conflict) => conflict.columns(["org_id", "slug"]).doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) {
        throw new AppError("conflict", `a project "${slug}" already exists`);
      }
    },
  } satisfies Partial<Writer>;
}

function projects(db: Kysely<Schema>) {
  return db.selectFrom("projects").where("deleted_at", "is", null);
}
