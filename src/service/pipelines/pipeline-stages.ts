import { randomUUID } from "node:crypto";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Pipeline, PipelineStage } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Store, Writer } from "../../store/store.js";
import { seesEnvironment } from "../access/access.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { changeablePipeline, stageOf, visiblePipeline } from "./pipeline-access.js";
import { viewPipeline, type AppView } from "./pipeline-view.js";
import type { PromotedHashes } from "./promoted-hashes.js";
import { MAX_STAGES } from "./stage-order.js";

const MAX_APPS = 2_000;

/** A new stage. */
export interface StageInput {
  readonly displayName: string;
  readonly insertBefore: number;
  readonly branch: string | null;
}

/** Changes the stages of pipelines, and which environments are in them. */
export class PipelineStages {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly promotedHashes: PromotedHashes;
    },
  ) {}

  /** The stages from `insertBefore` on shift up; beyond the last one it becomes the last one. */
  async create(caller: Principal, pipelineId: string, input: StageInput): Promise<PipelineStage> {
    const { displayName, insertBefore, branch } = input;
    return await this.deps.store.write(async (tx) => {
      const { pipeline, stages } = await changeablePipeline(tx, caller, pipelineId);
      if (stages.length >= MAX_STAGES) {
        throw new AppError("quota_exceeded", `a pipeline has at most ${MAX_STAGES} stages`);
      }
      const at = instantOf(this.deps.clock.now());
      const order = Math.min(insertBefore, stages.length);
      const stage: PipelineStage = {
        ...{ id: randomUUID(), pipelineId: pipeline.id, displayName, type: "standard", order, branch },
        ...{ createdAt: at, updatedAt: at },
      };
      for (const later of stages.filter((other) => other.order >= order)) {
        await tx.updatePipelineStage({ ...later, order: later.order + 1, updatedAt: at });
      }
      await tx.insertPipelineStage(stage);
      await this.#changed(tx, caller, pipeline, "pipeline.stage_created", {
        ...{ stage_id: stage.id, display_name: displayName, order },
      });
      return stage;
    });
  }

  /** @param reason for the audit; at most 1,000 characters, null for none */
  async delete(caller: Principal, pipelineId: string, stageId: string, reason: string | null = null): Promise<void> {
    await this.deps.store.write(async (tx) => {
      const seen = await changeablePipeline(tx, caller, pipelineId);
      const stage = stageOf(seen, stageId);
      await tx.deletePipelineStage(stage.id);
      const at = instantOf(this.deps.clock.now());
      for (const later of seen.stages.filter((other) => other.order > stage.order)) {
        await tx.updatePipelineStage({ ...later, order: later.order - 1, updatedAt: at });
      }
      await this.#changed(tx, caller, seen.pipeline, "pipeline.stage_deleted", {
        ...{ stage_id: stage.id, display_name: stage.displayName, order: stage.order },
        ...reasonOf(reason),
      });
    });
  }

  /** Throws `conflict` when the environment is in a stage already, of whichever pipeline. */
  async addApp(caller: Principal, pipelineId: string, stageId: string, environmentId: string): Promise<AppView> {
    const { store } = this.deps;
    await store.write(async (tx) => {
      const seen = await changeablePipeline(tx, caller, pipelineId);
      const stage = stageOf(seen, stageId);
      const environment = await tx.environmentById(environmentId);
      if (environment === null || !seesEnvironment(caller, environment)) throw notFound("app");
      if ((await tx.pipelineApps(seen.pipeline.id)).length >= MAX_APPS) {
        throw new AppError("quota_exceeded", `a pipeline has at most ${MAX_APPS} apps`);
      }
      await tx.insertPipelineApp(stage.id, environment.id);
      const { projectId, name } = environment;
      await this.#changed(tx, caller, seen.pipeline, "pipeline.app_added", {
        ...{ stage_id: stage.id, app_id: environment.id, project_id: projectId, environment: name },
      });
    });
    const { stages } = await viewPipeline(
      caller,
      store.read,
      this.deps.promotedHashes,
      await visiblePipeline(store.read, caller, pipelineId),
    );
    const added = stages.flatMap(({ apps }) => apps).find(({ app }) => app.environment.id === environmentId);
    // Taken out again in between.
    if (added === undefined) throw notFound("app");
    return added;
  }

  async removeApp(caller: Principal, pipelineId: string, stageId: string, environmentId: string): Promise<void> {
    await this.deps.store.write(async (tx) => {
      const seen = await changeablePipeline(tx, caller, pipelineId);
      const stage = stageOf(seen, stageId);
      const app = seen.apps.find(({ environment }) => environment.id === environmentId);
      if (app?.stageId !== stage.id) throw notFound("app");
      await tx.deletePipelineApp(environmentId);
      const { projectId, name } = app.environment;
      await this.#changed(tx, caller, seen.pipeline, "pipeline.app_removed", {
        ...{ stage_id: stage.id, app_id: environmentId, project_id: projectId, environment: name },
      });
    });
  }

  async #changed(
    tx: Writer,
    caller: Principal,
    pipeline: Pipeline,
    action: string,
    metadata: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    await tx.updatePipeline({ ...pipeline, updatedAt: instantOf(this.deps.clock.now()) });
    await this.deps.audit.record(tx, pipeline.orgId, caller, {
      ...{ action, resourceType: "pipeline", resourceId: pipeline.id, metadata },
    });
  }
}
