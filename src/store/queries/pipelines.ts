import type { Kysely } from "kysely";
import type { Pipeline } from "../../core/pipeline.js";
import { countRows } from "./paging.js";
import { rowMapping } from "../row-mapping.js";
import type { PipelineReader, PipelineWriter } from "../pipeline-store.js";
import type { Schema } from "../schema.js";

const { read: pipelineOf, write: rowOf } = rowMapping<Pipeline, "pipelines">({});

/** Look-ups of pipelines. */
export function pipelineReader(db: Kysely<Schema>) {
  return {
    async pipeline(orgId, id) {
      const row = await db
        .selectFrom("pipelines")
        .selectAll()
        .where("id", "=", id)
        .where("org_id", "=", orgId)
        .executeTakeFirst();
      return row === undefined ? null : pipelineOf(row);
    },
    async pipelineNamed(orgId, projectId, displayName, exceptId) {
      const row = await db
        .selectFrom("pipelines")
        .selectAll()
        .where("org_id", "=", orgId)
        .where("project_id", projectId === null ? "is" : "=", projectId)
        .where("display_name", "=", displayName)
        .where("id", "!=", exceptId)
        .executeTakeFirst();
      return row === undefined ? null : pipelineOf(row);
    },
    async pipelines({ orgId, projectId, environmentId, limit, offset }) {
      let seen = db.selectFrom("pipelines").where("pipelines.org_id", "=", orgId);
      if (environmentId !== undefined) {
        seen = seen.where("pipelines.id", "in", pipelinesWith(db).where("environments.id", "=", environmentId));
      } else if (projectId !== undefined) {
        seen = seen.where((eb) =>
          eb.or([
            eb("pipelines.project_id", "=", projectId),
            eb("pipelines.id", "in", pipelinesWith(db).where("environments.project_id", "=", projectId)),
          ]),
        );
      }
      const newest = seen.selectAll().orderBy("pipelines.created_at", "desc").orderBy("pipelines.id", "desc");
      const rows = await newest.limit(limit).offset(offset).execute();
      return { rows: rows.map(pipelineOf), total: await countRows(seen) };
    },
    countPipelines: (orgId) => countRows(db.selectFrom("pipelines").where("org_id", "=", orgId)),
  } satisfies Partial<PipelineReader>;
}

/** Changes of pipelines. */
export function pipelineWriter(db: Kysely<Schema>) {
  return {
    async insertPipeline(pipeline) {
      await db.insertInto("pipelines").values(rowOf(pipeline)).execute();
    },
    async updatePipeline(pipeline) {
      const { id, org_id: _org, created_at: _created, ...changes } = rowOf(pipeline);
      await db.updateTable("pipelines").set(changes).where("id", "=", id).execute();
    },
    async deletePipeline(id) {
      await db.deleteFrom("pipelines").where("id", "=", id).execute();
    },
  } satisfies Partial<PipelineWriter>;
}

/** The ids of pipelines by the environments in their stages. */
function pipelinesWith(db: Kysely<Schema>) {
  return db
    .selectFrom("environments")
    .innerJoin("pipeline_apps", "pipeline_apps.environment_id", "environments.id")
    .innerJoin("pipeline_stages", "pipeline_stages.id", "pipeline_apps.stage_id")
    .select("pipeline_stages.pipeline_id");
}
