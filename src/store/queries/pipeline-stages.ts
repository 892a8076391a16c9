import type { Kysely } from "kysely";
import type { PipelineStage } from "../../core/pipeline.js";
import type { PipelineReader, PipelineWriter } from "../pipeline-store.js";
import type { NewRow, Row, Schema } from "../schema.js";

/** Look-ups of stages of pipelines. */
export function pipelineStageReader(db: Kysely<Schema>) {
  return {
    async pipelineStages(pipelineId) {
      const rows = await db
        .selectFrom("pipeline_stages")
        .selectAll()
        .where("pipeline_id", "=", pipelineId)
        .orderBy("position")
        .execute();
      return rows.map(stageOf);
    },
  } satisfies Partial<PipelineReader>;
}

/** Changes of stages of pipelines. */
export function pipelineStageWriter(db: Kysely<Schema>) {
  return {
    async insertPipelineStage(stage) {
      await db.insertInto("pipeline_stages").values(rowOf(stage)).execute();
    },
    async updatePipelineStage(stage) {
      const { id, pipeline_id: _pipeline, created_at: _created, ...changes } = rowOf(stage);
      await db.updateTable("pipeline_stages").set(changes).where("id", "=", id).execute();
    },
    async deletePipelineStage(id) {
      await db.deleteFrom("pipeline_stages").where("id", "=", id).execute();
    },
  } satisfies Partial<PipelineWriter>;
}

function stageOf(row: Row<"pipeline_stages">): PipelineStage {
  return {
    id: row.id,
    pipelineId: row.pipeline_id,
    displayName: row.display_name,
    type: row.type,
    order: row.position,
    branch: row.branch,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function rowOf(stage: PipelineStage): NewRow<"pipeline_stages"> {
  return {
    id: stage.id,
    pipeline_id: stage.pipelineId,
    display_name: stage.displayName,
    type: stage.type,
    position: stage.order,
    branch: stage.branch,
    created_at: stage.createdAt,
    updated_at: stage.updatedAt,
  };
}
