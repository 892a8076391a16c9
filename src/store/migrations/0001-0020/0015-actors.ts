import { sql, type Kysely, type Migration } from "kysely";
import type { MigrationDialect } from "../dialect.js";

/**
 * Who activated what and why, kept with each activation, and how the events of the audit are found by project, environment and token.
 *
 * The columns of the audit are made of the metadata, so events of before have them too. Prefixes of tokens that were rotated away are
 * taken from the audit.
 */
export function actors(dialect: MigrationDialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const column of ["performed_by", "reason", "title", "source_revision"]) {
        await db.schema.alterTable("deployments").addColumn(column, "text").execute();
      }
      await db.schema.alterTable("deployments").addColumn("source_project_id", "text").execute();
      await db.schema.alterTable("deployments").addColumn("source_environment", "text").execute();
      await db.schema.alterTable("deployments").addColumn("source_version", "integer").execute();
      await addPlaces(db, dialect);
      await createPrefixes(db);
      await fillPrefixes(db, dialect);
    },
  };
}

async function addPlaces(db: Kysely<unknown>, dialect: MigrationDialect): Promise<void> {
  const own = (type: string, id: ReturnType<typeof sql>) =>
    sql`case when resource_type = ${sql.lit(type)} then ${id} end`;
  const project = sql`coalesce(${dialect.jsonText("metadata", "project_id")}, ${own("project", sql.ref("resource_id"))}, '')`;
  const name = own("environment", dialect.jsonText("metadata", "name"));
  const environment = sql`coalesce(${dialect.jsonText("metadata", "environment")}, ${name}, '')`;
  const events = db.schema.alterTable("audit_events");
  await events.addColumn("project_id", "text", (c) => c.generatedAlwaysAs(project)).execute();
  await events.addColumn("environment", "text", (c) => c.generatedAlwaysAs(environment)).execute();
  await db.schema
    .createIndex("audit_events_by_org_id_project_id_environment_id")
    .on("audit_events")
    .columns(["org_id", "project_id", "environment", "id"])
    .execute();
}

async function createPrefixes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("token_prefixes")
    .addColumn("org_id", "text", (c) => c.notNull())
    .addColumn("prefix", "text", (c) => c.notNull())
    .addColumn("token_id", "integer", (c) => c.notNull())
    .addColumn("name", "text")
    .addPrimaryKeyConstraint("token_prefixes_pk", ["org_id", "prefix", "token_id"])
    .execute();
  for (const columns of [
    ["org_id", "token_id", "prefix"],
    ["org_id", "name", "prefix"],
  ]) {
    await db.schema
      .createIndex(`token_prefixes_by_${columns.join("_")}`)
      .on("token_prefixes")
      .columns(columns)
      .execute();
  }
}

async function fillPrefixes(db: Kysely<unknown>, dialect: MigrationDialect): Promise<void> {
  await sql`
    insert into token_prefixes (org_id, prefix, token_id, name)
    select org_id, key_prefix, id, name from tokens where true
    on conflict do nothing`.execute(db);
  const id = sql`cast(events.resource_id as integer)`;
  // Of tokens that are gone too, with the name that they were made with.
  await sql`
    insert into token_prefixes (org_id, prefix, token_id, name)
    select org_id, ${dialect.jsonText("metadata", "key_prefix")}, cast(resource_id as integer), ${dialect.jsonText("metadata", "name")}
    from audit_events
    where org_id in (select id from organizations) and action = 'token.created' and ${dialect.jsonText("metadata", "key_prefix")} is not null
    on conflict do nothing`.execute(db);
  for (const key of ["from_prefix", "key_prefix"]) {
    await sql`
      insert into token_prefixes (org_id, prefix, token_id, name)
      select events.org_id, ${dialect.jsonText("metadata", key)}, ${id},
        (select known.name from token_prefixes as known
          where known.org_id = events.org_id and known.token_id = ${id} and known.name is not null limit 1)
      from audit_events as events
      where events.org_id in (select id from organizations) and events.action = 'token.rotated' and ${dialect.jsonText("metadata", key)} is not null
      on conflict do nothing`.execute(db);
  }
}
