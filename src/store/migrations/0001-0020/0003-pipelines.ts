import type { Kysely, Migration } from "kysely";

/** Pipelines with their stages and apps, and source artifacts. */
export function pipelines(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createPipelines(db);
      await createArtifacts(db);
    },
  };
}

async function createPipelines(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("pipelines")
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
    // A pipeline may promote between projects: it outlives the one that it belongs to.
    .addColumn("project_id", "text", (c) => c.references("projects.id").onDelete("set null"))
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await index(db, "pipelines", ["org_id", "created_at", "id"]);
  await index(db, "pipelines", ["project_id"]);

  await db.schema
    .createTable("pipeline_stages")
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("pipeline_id", "text", (c) => c.notNull().references("pipelines.id").onDelete("cascade"))
    .addColumn("display_name", "text", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("branch", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await index(db, "pipeline_stages", ["pipeline_id", "position"]);

  await db.schema
    .createTable("pipeline_apps")
    // The key enforces it: an environment is in one stage at most.
    .addColumn("environment_id", "text", (c) =>
      c.primaryKey().notNull().references("environments.id").onDelete("cascade"),
    )
    .addColumn("stage_id", "text", (c) => c.notNull().references("pipeline_stages.id").onDelete("cascade"))
    .execute();
  await index(db, "pipeline_apps", ["stage_id"]);
}

async function createArtifacts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("source_artifacts")
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
    .addColumn("project_id", "text", (c) => c.notNull().references("projects.id").onDelete("cascade"))
    .addColumn("name", "text")
    .addColumn("media_type", "text", (c) => c.notNull())
    .addColumn("content_id", "text", (c) => c.notNull())
    .addColumn("created_by", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("promoted_at", "text")
    .addColumn("promoted_bundle", "text")
    // Deferred, since the content of many artifacts is deleted just before they are.
    .addForeignKeyConstraint("source_artifacts_content", ["content_id"], "contents", ["id"], (fk) =>
      fk.deferrable().initiallyDeferred(),
    )
    .execute();
  await index(db, "source_artifacts", ["org_id", "created_at", "id"]);
  await index(db, "source_artifacts", ["project_id", "created_at", "id"]);
  await index(db, "source_artifacts", ["content_id", "project_id"]);
}

async function index(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join("_")}`)
    .on(table)
    .columns(columns)
    .execute();
}
