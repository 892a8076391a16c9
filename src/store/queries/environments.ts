import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import { preparedChange, preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Row, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

/** Environments as rows of the table, and back. */
export const { read: environmentOf, write: rowOf } = rowMapping<Environment, "environments">({
  hold: "json",
  deleted_at: "hidden",
  kept_versions: "hidden",
  skipped_sequences: "hidden",
  active_version: "joined",
});

const byName = preparedFirst((db, { projectId, name }: { projectId: string; name: string }) =>
  environments(db).where("environments.project_id", "=", projectId).where("environments.name", "=", name),
);

const byId = preparedFirst((db, { id }: { id: string }) => environments(db).where("environments.id", "=", id));

const update = preparedChange(
  (
    db,
    {
      id,
      ...changes
    }: Omit<
      Row<"environments">,
      "org_id" | "project_id" | "name" | "created_at" | "kept_versions" | "skipped_sequences" | "deleted_at"
    >,
  ) => db.updateTable("environments").set(changes).where("id", "=", id),
);

/** Look-ups of environments. */
export function environmentReader(db: Kysely<Schema>) {
  return {
    async environment(projectId, name) {
      const row = await byName(db, { projectId, name });
      return row === undefined ? null : environmentOf(row);
    },
    async environmentById(id) {
      const row = await byId(db, { id });
      return row === undefined ? null : environmentOf(row);
    },
    async environmentsWithOwnKey(orgId) {
      const rows = await withKeys(db, orgId).where("environments.signing_key", "=", "environment").execute();
      return rows.map(environmentOf);
    },
    async environmentsWithKeys(orgId) {
      return (await withKeys(db, orgId).execute()).map(environmentOf);
    },
    async environmentsAfter(after, limit) {
      const rows = await environments(db)
        .where("environments.id", ">", after)
        .orderBy("environments.id")
        .limit(limit)
        .execute();
      return rows.map(environmentOf);
    },
    async environments(projectId) {
      const rows = await environments(db)
        .where("environments.project_id", "=", projectId)
        .orderBy("environments.position")
        .orderBy("environments.name")
        .execute();
      return rows.map(environmentOf);
    },
  } satisfies Partial<Reader>;
}

/** `activeVersion` is not written: it is read from the bundle that `activeBundleId` names. */
export function environmentWriter(db: Kysely<Schema>) {
  return {
    async insertEnvironment(environment) {
      const result = await db
        .insertInto("environments")
        .values(rowOf(environment))
        .onConflict((conflict) => conflict.columns(["project_id", "name"]).doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) {
        throw new AppError("conflict", `an environment "${environment.name}" already exists`);
      }
    },
    async updateEnvironment(environment) {
      const { org_id: _org, project_id: _project, name: _name, created_at: _created, ...changed } = rowOf(environment);
      await update(db, changed);
    },
    async skipNumbers(environmentId, { sequences, versions }) {
      await db
        .updateTable("environments")
        .set((eb) => ({
          sequence: eb("sequence", "+", sequences),
          skipped_sequences: eb("skipped_sequences", "+", sequences),
          last_version: eb("last_version", "+", versions),
        }))
        .where("id", "=", environmentId)
        .execute();
    },
  } satisfies Partial<Writer>;
}

/** Found by their keys: most environments have none. */
function withKeys(db: Kysely<Schema>, orgId: string) {
  return environments(db).where("environments.id", "in", (eb) =>
    eb
      .selectFrom("public_keys")
      .select("environment_id")
      .where("public_keys.org_id", "=", orgId)
      .where("environment_id", "is not", null)
      .$castTo<{ environment_id: string }>(),
  );
}

/** With the version of what is active. */
function environments(db: Kysely<Schema>) {
  return db
    .selectFrom("environments")
    .leftJoin("bundles as active", "active.id", "environments.active_bundle_id")
    .where("environments.deleted_at", "is", null)
    .selectAll("environments")
    .select("active.version as active_version");
}
