import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Project } from "../../core/organization.js";
import { deleteContentsOf, deleteContentsOfArtifacts } from "./contents.js";
import { countRows } from "./paging.js";
import { preparedFirst } from "./prepared.js";
import type { Row, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

const byId = preparedFirst((db, { orgId, id }: { orgId: string; id: string }) =>
  db.selectFrom("projects").selectAll().where("id", "=", id).where("org_id", "=", orgId),
);

const bySlug = preparedFirst((db, { orgId, slug }: { orgId: string; slug: string }) =>
  db.selectFrom("projects").selectAll().where("org_id", "=", orgId).where("slug", "=", slug),
);

export function projectReader(
  db: Kysely<Schema>,
): Pick<Reader, "project" | "projectBySlug" | "projectsNamed" | "projects"> {
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
      const named = db.selectFrom("projects").where("org_id", "=", orgId).where("name", "=", name);
      return (await named.selectAll().limit(limit).execute()).map(projectOf);
    },
    async projects(orgId, { limit, offset }, onlyId) {
      let visible = db.selectFrom("projects").where("org_id", "=", orgId);
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
  };
}

export function projectWriter(db: Kysely<Schema>): Pick<Writer, "insertProject" | "deleteProject"> {
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
        throw new AppError("conflict", `there is a project "${slug}" already`);
      }
    },
    async deleteProject(id) {
      await deleteContentsOfArtifacts(db, id);
      // Before its bundles' contents are looked at, which they may share.
      await db.deleteFrom("source_artifacts").where("project_id", "=", id).execute();
      await deleteContentsOf(db, db.selectFrom("environments").select("id").where("project_id", "=", id));
      await db.deleteFrom("projects").where("id", "=", id).execute();
    },
  };
}

function projectOf(row: Row<"projects">): Project {
  return { id: row.id, orgId: row.org_id, name: row.name, slug: row.slug, createdAt: row.created_at };
}
