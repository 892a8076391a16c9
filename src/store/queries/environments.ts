import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import type { Environment, Hold } from "../../core/organization.js";
import { preparedChange, preparedFirst } from "./prepared.js";
import type { Row, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

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
        throw new AppError("conflict", `there is an environment "${environment.name}" already`);
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

/** An environment of its row and the version of its active bundle. */
export function environmentOf(row: Row<"environments"> & { active_version: number | null }): Environment {
  return {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    name: row.name,
    position: row.position,
    promotesTo: row.promotes_to,
    signingKey: row.signing_key,
    lastPublishedAt: row.last_published_at,
    lastVersion: row.last_version,
    sequence: row.sequence,
    activeBundleId: row.active_bundle_id,
    activeVersion: row.active_version,
    activeDeploymentId: row.active_deployment_id,
    hold: row.hold === null ? null : (JSON.parse(row.hold) as Hold),
    createdAt: row.created_at,
  };
}

function rowOf(
  environment: Environment,
): Omit<Row<"environments">, "kept_versions" | "skipped_sequences" | "deleted_at"> {
  return {
    id: environment.id,
    org_id: environment.orgId,
    project_id: environment.projectId,
    name: environment.name,
    position: environment.position,
    promotes_to: environment.promotesTo,
    signing_key: environment.signingKey,
    last_published_at: environment.lastPublishedAt,
    last_version: environment.lastVersion,
    sequence: environment.sequence,
    active_bundle_id: environment.activeBundleId,
    active_deployment_id: environment.activeDeploymentId,
    hold: environment.hold === null ? null : JSON.stringify(environment.hold),
    created_at: environment.createdAt,
  };
}
