import type { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import { environmentOf } from "./environments.js";
import type { PipelineReader, PipelineWriter } from "../pipeline-store.js";
import type { Schema } from "../schema.js";

/** Look-ups of apps of pipelines. */
export function pipelineAppReader(db: Kysely<Schema>) {
  return {
    async pipelineApps(pipelineId) {
      const rows = await db
        .selectFrom("pipeline_stages")
        .innerJoin("pipeline_apps", "pipeline_apps.stage_id", "pipeline_stages.id")
        .innerJoin("environments", "environments.id", "pipeline_apps.environment_id")
        .innerJoin("projects", "projects.id", "environments.project_id")
        .leftJoin("bundles as active", "active.id", "environments.active_bundle_id")
        .leftJoin("deployments as newest", "newest.id", "environments.active_deployment_id")
        .where("pipeline_stages.pipeline_id", "=", pipelineId)
        .selectAll("environments")
        .select([
          "pipeline_apps.stage_id",
          "projects.slug",
          "active.version as active_version",
          "active.policy_hash",
          "active.media_type",
          "active.content_id",
          "newest.at",
        ])
        .orderBy("projects.slug")
        .orderBy("environments.position")
        .orderBy("environments.name")
        .execute();
      return rows.map(({ stage_id, slug, policy_hash, media_type, content_id, at, ...environment }) => ({
        stageId: stage_id,
        environment: environmentOf(environment),
        projectSlug: slug,
        active:
          policy_hash === null || media_type === null || content_id === null || at === null
            ? null
            : { policyHash: policy_hash, mediaType: media_type, contentId: content_id, since: at },
      }));
    },
  } satisfies Partial<PipelineReader>;
}

/** Changes of apps of pipelines. */
export function pipelineAppWriter(db: Kysely<Schema>) {
  return {
    async insertPipelineApp(stageId, environmentId) {
      const result = await db
        .insertInto("pipeline_apps")
        .values({ stage_id: stageId, environment_id: environmentId })
        .onConflict((conflict) => conflict.column("environment_id").doNothing())
        .executeTakeFirstOrThrow();
      if (result.numInsertedOrUpdatedRows !== 1n) {
        throw new AppError("conflict", "the app is in a stage of a pipeline already");
      }
    },
    async deletePipelineApp(environmentId) {
      await db.deleteFrom("pipeline_apps").where("environment_id", "=", environmentId).execute();
    },
  } satisfies Partial<PipelineWriter>;
}
