import { sql, type Kysely } from "kysely";
import { formerRowOf } from "./environments.js";
import type { Row, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";
import { deleteUnusedContent } from "./contents.js";

/** Deletes up to `left` rows; returns how many. */
type Step = (left: number) => Promise<number>;

/** Whether something that was deleted still has rows. */
export function deletionReader(db: Kysely<Schema>) {
  return {
    async hasDeleted() {
      for (const table of ["environments", "projects", "webhooks", "organizations"] as const) {
        if ((await marked(db, table)) !== undefined) return true;
      }
      return false;
    },
  } satisfies Partial<Reader>;
}

/**
 * Deletions take two parts: a mark, after which no look-up finds the project, environment or webhook and what belongs to it; and
 * steps that delete its rows, as many as there are.
 */
export function deletionWriter(db: Kysely<Schema>) {
  return {
    async deleteProject(id, at) {
      const environments = db.selectFrom("environments").select("id").where("project_id", "=", id);
      await db.deleteFrom("pipeline_apps").where("environment_id", "in", environments).execute();
      // A pipeline may promote between projects: it outlives the one that it belongs to.
      await db.updateTable("pipelines").set({ project_id: null }).where("project_id", "=", id).execute();
      await db
        .updateTable("environments")
        .set({ deleted_at: at, active_bundle_id: null, active_deployment_id: null })
        .where("project_id", "=", id)
        .where("deleted_at", "is", null)
        .execute();
      await db.deleteFrom("policy_schemas").where("project_id", "=", id).execute();
      // Its slug is free: no slug has a tilde.
      await db
        .updateTable("projects")
        .set({ deleted_at: at, slug: `~${id}` })
        .where("id", "=", id)
        .execute();
    },
    async deleteEnvironment(id, at) {
      const environment = await db
        .selectFrom("environments")
        .selectAll()
        .where("id", "=", id)
        .where("deleted_at", "is", null)
        .executeTakeFirst();
      if (environment === undefined) return;
      await keepFormer(db, environment);
      await db
        .updateTable("environments")
        .set({ promotes_to: null })
        .where("project_id", "=", environment.project_id)
        .where("promotes_to", "=", environment.name)
        .execute();
      await db.deleteFrom("pipeline_apps").where("environment_id", "=", id).execute();
      await db
        .updateTable("environments")
        // Its name is free: no name has a tilde.
        .set({ deleted_at: at, name: `~${id}`, active_bundle_id: null, active_deployment_id: null })
        .where("id", "=", id)
        .execute();
    },
    async deleteOrganization(id, at) {
      await markContents(db, id, at);
      // Its slug is free: no slug has a tilde.
      await db
        .updateTable("organizations")
        .set({ deleted_at: at, slug: `~${id}` })
        .where("id", "=", id)
        .execute();
    },
    async deleteWebhook(id, at) {
      await db.updateTable("webhooks").set(deletedWebhook(at)).where("id", "=", id).execute();
    },
    async removeDeleted(limit) {
      let left = limit;
      for (const step of [environmentStep(db), projectStep(db), webhookStep(db), organizationStep(db)]) {
        for (let removed = -1; removed !== 0 && left > 0; left -= removed) removed = await step(left);
      }
      return limit - left;
    },
  } satisfies Partial<Writer>;
}

/** Its numbers, and the links that its deletion cuts. A later environment of the name started above the numbers of the former one. */
async function keepFormer(db: Kysely<Schema>, environment: Row<"environments">): Promise<void> {
  const { project_id: projectId, name, sequence, promotes_to: promotesTo } = environment;
  const promoting = await db
    .selectFrom("environments")
    .select("name")
    .where("project_id", "=", projectId)
    .where("promotes_to", "=", name)
    .where("deleted_at", "is", null)
    .orderBy("position")
    .orderBy("name")
    .execute();
  const row = formerRowOf({
    ...{ projectId, name, sequence, promotesTo, promotedFrom: promoting.map((stage) => stage.name) },
    ...{ lastVersion: environment.last_version, lastPublishedAt: environment.last_published_at },
  });
  const { project_id: _project, name: _name, ...changed } = row;
  await db
    .insertInto("former_environments")
    .values(row)
    .onConflict((conflict) => conflict.columns(["project_id", "name"]).doUpdateSet(changed))
    .execute();
}

function environmentStep(db: Kysely<Schema>): Step {
  return async (left) => {
    const id = await marked(db, "environments");
    if (id === undefined) return 0;
    const tokens = () =>
      db.selectFrom("tokens").select("id").where("environment_id", "=", id).limit(1).executeTakeFirst();
    return (
      (await removeBundles(db, id, left)) ||
      (await removeDeployments(db, id, left)) ||
      (await removeInstances(db, id, left)) ||
      (await removeToken(db, await tokens(), left)) ||
      count(await db.deleteFrom("environments").where("id", "=", id).executeTakeFirstOrThrow())
    );
  };
}

/** Its environments were marked with it, and go first. */
function projectStep(db: Kysely<Schema>): Step {
  return async (left) => {
    const id = await marked(db, "projects");
    if (id === undefined) return 0;
    const tokens = () => db.selectFrom("tokens").select("id").where("project_id", "=", id).limit(1).executeTakeFirst();
    return (
      (await removeArtifacts(db, id, left)) ||
      (await removeToken(db, await tokens(), left)) ||
      (await removeFormer(db, id, left)) ||
      (await removeReleases(db, id, left)) ||
      count(await db.deleteFrom("projects").where("id", "=", id).executeTakeFirstOrThrow())
    );
  };
}

function webhookStep(db: Kysely<Schema>): Step {
  return async (left) => {
    const id = await marked(db, "webhooks");
    if (id === undefined) return 0;
    const own = db.selectFrom("deliveries").select("id").where("webhook_id", "=", id).limit(left);
    return (
      count(await db.deleteFrom("deliveries").where("id", "in", own).executeTakeFirstOrThrow()) ||
      count(await db.deleteFrom("webhooks").where("id", "=", id).executeTakeFirstOrThrow())
    );
  };
}

/** Its projects and webhooks were marked with it, and go first. */
function organizationStep(db: Kysely<Schema>): Step {
  return async (left) => {
    const organization = await db
      .selectFrom("organizations")
      .select(["id", "deleted_at"])
      .where("deleted_at", ">", "")
      .limit(1)
      .executeTakeFirst();
    if (organization === undefined) return 0;
    const { id, deleted_at: at } = organization;
    // What a request made that was under way at the deletion.
    if (await markContents(db, id, at ?? "")) return 1;
    for (const table of ["projects", "webhooks"] as const) {
      const rest = await db.selectFrom(table).select("id").where("org_id", "=", id).limit(1).executeTakeFirst();
      // In the next call.
      if (rest !== undefined) return 0;
    }
    const tokens = () => db.selectFrom("tokens").select("id").where("org_id", "=", id).limit(1).executeTakeFirst();
    const pipelines = db.selectFrom("pipelines").select("id").where("org_id", "=", id).limit(left);
    const keys = db.selectFrom("public_keys").select("key_id").where("org_id", "=", id).limit(left);
    return (
      count(await db.deleteFrom("pipelines").where("id", "in", pipelines).executeTakeFirstOrThrow()) ||
      (await removeToken(db, await tokens(), left)) ||
      count(await db.deleteFrom("public_keys").where("key_id", "in", keys).executeTakeFirstOrThrow()) ||
      count(await db.deleteFrom("organizations").where("id", "=", id).executeTakeFirstOrThrow())
    );
  };
}

/** Marks the projects, environments and webhooks of an organization as deleted. Returns whether there was a project or webhook. */
async function markContents(db: Kysely<Schema>, orgId: string, at: string): Promise<boolean> {
  const projects = db.selectFrom("projects").select("id").where("org_id", "=", orgId);
  const environments = db.selectFrom("environments").select("id").where("project_id", "in", projects);
  await db.deleteFrom("pipeline_apps").where("environment_id", "in", environments).execute();
  await db
    .updateTable("environments")
    .set({ deleted_at: at, active_bundle_id: null, active_deployment_id: null })
    .where("project_id", "in", projects)
    .where("deleted_at", "is", null)
    .execute();
  const { numUpdatedRows: projectRows } = await db
    .updateTable("projects")
    .set({ deleted_at: at, slug: sql<string>`${"~"} || id` })
    .where("org_id", "=", orgId)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  const { numUpdatedRows: webhookRows } = await db
    .updateTable("webhooks")
    .set(deletedWebhook(at))
    .where("org_id", "=", orgId)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  return projectRows + webhookRows > 0n;
}

function deletedWebhook(at: string) {
  const secrets = { secret: null, previous_secret: null, previous_secret_expires_at: null };
  return { deleted_at: at, is_active: 0, ...secrets };
}

async function removeBundles(db: Kysely<Schema>, environmentId: string, left: number): Promise<number> {
  const rows = await db
    .selectFrom("bundles")
    .select(["id", "content_id"])
    .where("environment_id", "=", environmentId)
    .limit(left)
    .execute();
  return await removeWithContent(db, "bundles", rows);
}

async function removeArtifacts(db: Kysely<Schema>, projectId: string, left: number): Promise<number> {
  const rows = await db
    .selectFrom("source_artifacts")
    .select(["id", "content_id"])
    .where("project_id", "=", projectId)
    .limit(left)
    .execute();
  return await removeWithContent(db, "source_artifacts", rows);
}

async function removeFormer(db: Kysely<Schema>, projectId: string, left: number): Promise<number> {
  const own = db.selectFrom("former_environments").where("project_id", "=", projectId);
  const result = await db
    .deleteFrom("former_environments")
    .where("project_id", "=", projectId)
    .where("name", "in", own.select("name").limit(left))
    .executeTakeFirstOrThrow();
  return count(result);
}

/** What they allow goes with them. */
async function removeReleases(db: Kysely<Schema>, projectId: string, left: number): Promise<number> {
  const own = db.selectFrom("releases").where("project_id", "=", projectId);
  const result = await db
    .deleteFrom("releases")
    .where("project_id", "=", projectId)
    .where("digest", "in", own.select("digest").limit(left))
    .executeTakeFirstOrThrow();
  return count(result);
}

async function removeWithContent(
  db: Kysely<Schema>,
  table: "bundles" | "source_artifacts",
  rows: readonly { readonly id: string; readonly content_id: string }[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const ids = rows.map(({ id }) => id);
  await db.deleteFrom(table).where("id", "in", ids).execute();
  for (const contentId of new Set(rows.map(({ content_id }) => content_id))) await deleteUnusedContent(db, contentId);
  return rows.length;
}

async function removeDeployments(db: Kysely<Schema>, environmentId: string, left: number): Promise<number> {
  const own = db.selectFrom("deployments").select("id").where("environment_id", "=", environmentId).limit(left);
  return count(await db.deleteFrom("deployments").where("id", "in", own).executeTakeFirstOrThrow());
}

async function removeInstances(db: Kysely<Schema>, environmentId: string, left: number): Promise<number> {
  const own = db.selectFrom("instances").where("environment_id", "=", environmentId);
  const token = await own.select("token_id").limit(1).executeTakeFirst();
  if (token === undefined) return 0;
  const ofToken = own.where("token_id", "=", token.token_id);
  const result = await db
    .deleteFrom("instances")
    .where("environment_id", "=", environmentId)
    .where("token_id", "=", token.token_id)
    .where("instance_id", "in", ofToken.select("instance_id").limit(left))
    .executeTakeFirstOrThrow();
  return count(result);
}

/** Its stored answers first; its few notices go with it. */
async function removeToken(
  db: Kysely<Schema>,
  token: { readonly id: number } | undefined,
  left: number,
): Promise<number> {
  if (token === undefined) return 0;
  const answers = db.selectFrom("idempotent_answers").where("token_id", "=", token.id);
  const operation = (await answers.select("operation").limit(1).executeTakeFirst())?.operation;
  if (operation === undefined)
    return count(await db.deleteFrom("tokens").where("id", "=", token.id).executeTakeFirstOrThrow());
  const keys = answers.where("operation", "=", operation).select("key").limit(left);
  const result = await db
    .deleteFrom("idempotent_answers")
    .where("token_id", "=", token.id)
    .where("operation", "=", operation)
    .where("key", "in", keys)
    .executeTakeFirstOrThrow();
  return count(result);
}

async function marked(
  db: Kysely<Schema>,
  table: "projects" | "environments" | "webhooks" | "organizations",
): Promise<string | undefined> {
  // A comparison, which an index serves in every database; IS NOT NULL would be a scan in SQLite.
  const row = await db.selectFrom(table).select("id").where("deleted_at", ">", "").limit(1).executeTakeFirst();
  return row?.id;
}

function count({ numDeletedRows }: { readonly numDeletedRows: bigint }): number {
  return Number(numDeletedRows);
}
