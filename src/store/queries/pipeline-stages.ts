import type { Kysely } from "kysely";
import type { PipelineStage } from "../../core/pipeline.js";
import type { PipelineReader, PipelineWriter } from "../pipeline-store.js";
import type { NewRow, Row, Schema } from "../schema.js";
import { rowMapping } from "../row-mapping.js";

const stages = rowMapping<Omit<PipelineStage, "order">, "pipeline_stages">({ position: "hidden" });

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

function stageOf({ position, ...row }: Row<"pipeline_stages">): PipelineStage {
  return { ...stages.read(row), order: position };
}

function rowOf({ order, ...stage }: PipelineStage): NewRow<"pipeline_stages"> {
  return { ...stages.write(stage), position: order };
}
