import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Organization } from "../../core/organization.js";
import { countRows } from "./paging.js";
import { preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Row, Schema } from "../schema.js";
import type { Page } from "../page.js";
import type { Reader, Writer } from "../store.js";

const { read: organizationOf, write: rowOf } = rowMapping<Organization, "organizations">({
  is_operator: "flag",
  deleted_at: "hidden",
});

const byId = preparedFirst((db, { id }: { id: string }) => organizations(db).selectAll().where("id", "=", id));

const bySlug = preparedFirst((db, { slug }: { slug: string }) =>
  organizations(db).selectAll().where("slug", "=", slug),
);

const operator = preparedFirst((db) => organizations(db).selectAll().where("is_operator", "=", 1));

/** Look-ups of organizations. */
export function organizationReader(db: Kysely<Schema>) {
  const all = organizations(db);
  return {
    async organization(id) {
      return parse(await byId(db, { id }));
    },
    async organizations({ limit, offset }: Page) {
      const rows = await all.selectAll().orderBy("created_at").orderBy("id").limit(limit).offset(offset).execute();
      return { rows: rows.map(organizationOf), total: await countRows(all) };
    },
    async operatorOrganization() {
      return parse(await operator(db, {}));
    },
    async organizationBySlug(slug) {
      return parse(await bySlug(db, { slug }));
    },
    async organizationsNamed(name, limit) {
      const rows = await all.selectAll().where("name", "=", name).limit(limit).execute();
      return rows.map(organizationOf);
    },
  } satisfies Partial<Reader>;
}

/** Changes of organizations. */
export function organizationWriter(db: Kysely<Schema>) {
  return {
    async insertOrganization(organization) {
      // As for projects: the count, not an error of the driver.
      const result = await db
        .insertInto("organizations")
        .values(rowOf(organization))
        .onConflict((conflict) => conflict.column("slug").doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) {
        throw new AppError("conflict", `an organization "${organization.slug}" already exists`);
      }
    },
    async updateOrganization(organization) {
      const { id, created_at: _created, is_operator: _operator, ...changes } = rowOf(organization);
      await db.updateTable("organizations").set(changes).where("id", "=", id).execute();
    },
  } satisfies Partial<Writer>;
}

function organizations(db: Kysely<Schema>) {
  return db.selectFrom("organizations").where("deleted_at", "is", null);
}

function parse(row: Row<"organizations"> | undefined): Organization | null {
  return row === undefined ? null : organizationOf(row);
}
