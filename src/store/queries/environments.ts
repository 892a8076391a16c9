import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Environment, FormerEnvironment } from "../../core/organization.js";
import { preparedChange, preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Row, Schema } from "../schema.js";
import type { EnvironmentScope, Reader, Writer } from "../store.js";

/** Environments as rows of the table, and back. */
export const { read: environmentOf, write: rowOf } = rowMapping<Environment, "environments">({
  hold: "json",
  deleted_at: "hidden",
  kept_versions: "hidden",
  skipped_sequences: "hidden",
  protected: "flag",
  active_version: "joined",
});

/** What is left of deleted environments, as rows. */
export const { read: formerOf, write: formerRowOf } = rowMapping<FormerEnvironment, "former_environments">({
  promoted_from: "json",
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
    async formerEnvironment(projectId, name) {
      const row = await db
        .selectFrom("former_environments")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("name", "=", name)
        .executeTakeFirst();
      return row === undefined ? null : formerOf(row);
    },
    async existingEnvironments(ids) {
      if (ids.length === 0) return new Set();
      const rows = await db
        .selectFrom("environments")
        .select("id")
        .where("id", "in", ids)
        .where("deleted_at", "is", null)
        .execute();
      return new Set(rows.map(({ id }) => id));
    },
    async environmentIds(among) {
      return (await idsAmong(db, among).execute()).map(({ id }) => id);
    },
    async protectedEnvironment(among) {
      const row = await environments(db)
        .where("environments.id", "in", idsAmong(db, among))
        .where("environments.protected", "=", 1)
        .where("environments.kept_versions", ">", 0)
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? null : environmentOf(row);
    },
    async environmentsAfter(after, limit) {
      const rows = await environments(db)
        .where("environments.id", ">", after)
        .orderBy("environments.id")
        .limit(limit)
        .execute();
      return rows.map(environmentOf);
    },
    async environmentsOf(among, after, limit) {
      const rows = await environments(db)
        .where("environments.id", "in", idsAmong(db, among))
        .where("environments.id", ">", after)
        .orderBy("environments.id")
        .limit(limit)
        .execute();
      return rows.map(environmentOf);
    },
    async environmentsById(ids) {
      if (ids.length === 0) return [];
      return (await environments(db).where("environments.id", "in", ids).execute()).map(environmentOf);
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
        // What it starts with was given to another environment: no activation of its own has these sequences.
        .values({ ...rowOf(environment), skipped_sequences: environment.sequence })
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

/** The ids of the environments of a scope. */
export function idsAmong(db: Kysely<Schema>, among: EnvironmentScope) {
  const ids = db.selectFrom("environments").select("id").where("deleted_at", "is", null);
  if ("environmentId" in among) return ids.where("id", "=", among.environmentId);
  if ("projectId" in among) return ids.where("project_id", "=", among.projectId);
  const projects = db.selectFrom("projects").select("id").where("org_id", "=", among.orgId);
  return ids.where("project_id", "in", projects);
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
