import { randomUUID } from "node:crypto";
import type { Metadata } from "../../core/audit.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import { FIRST_STAGES, type Pipeline, type PipelineStage, type PipelineType } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import type { Documents } from "../documents/documents.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { changeablePipeline, requirePipelineWriter, visiblePipeline, type SeenPipeline } from "./pipeline-access.js";
import { viewPipeline, type PipelineView } from "./pipeline-view.js";
import type { PromotedHashes } from "./promoted-hashes.js";
import { reordered, type StageOrder } from "./stage-order.js";

const MAX_PIPELINES = 1_000;

/** A new pipeline. */
export interface PipelineInput {
  readonly displayName: string;
  readonly type: PipelineType;
  readonly projectId: string | null;
}

/** What is absent stays; null clears, where that is possible. */
export interface PipelineChange {
  readonly displayName?: string;
  readonly type?: PipelineType;
  readonly projectId?: string | null;
  readonly stageOrder?: readonly StageOrder[];
}

/** Makes, shows, changes and deletes pipelines. */
export class Pipelines {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly documents: Documents;
      readonly promotedHashes: PromotedHashes;
    },
  ) {}

  async list(
    caller: Principal,
    limit: number | undefined,
    offset: number,
  ): Promise<Listed<Pipeline> & { limit: number }> {
    const page = { limit: limit ?? 25, offset };
    const { orgId, projectId, environmentId } = caller;
    const listed = await this.deps.store.read.pipelines({
      ...{ orgId, ...page },
      ...(projectId === null ? {} : { projectId }),
      ...(environmentId === null ? {} : { environmentId }),
    });
    return { ...listed, limit: page.limit };
  }

  /** With its two first stages. A ci token makes pipelines of its project. */
  async create(caller: Principal, { type, displayName, ...input }: PipelineInput): Promise<PipelineView> {
    const projectId = input.projectId ?? caller.projectId;
    const at = instantOf(this.deps.clock.now());
    const pipeline: Pipeline = {
      ...{ id: randomUUID(), orgId: caller.orgId, projectId, displayName },
      ...{ type, createdAt: at, updatedAt: at },
    };
    const stages = FIRST_STAGES.map((stage, order): PipelineStage => {
      const id = randomUUID();
      return { ...stage, id, pipelineId: pipeline.id, order, branch: null, createdAt: at, updatedAt: at };
    });
    await this.deps.store.write(async (tx) => {
      if (projectId !== null) await visibleProject(tx, caller, projectId);
      requirePipelineWriter(caller);
      if ((await tx.countPipelines(caller.orgId)) >= MAX_PIPELINES) {
        throw new AppError("quota_exceeded", `an organization has at most ${MAX_PIPELINES} pipelines`);
      }
      await requireFreeName(tx, pipeline);
      await tx.insertPipeline(pipeline);
      for (const stage of stages) await tx.insertPipelineStage(stage);
      await this.#record(tx, caller, pipeline, "pipeline.created", {
        ...{ display_name: displayName, type, project_id: projectId },
        stages: stages.map((stage) => stage.displayName),
      });
    });
    return { pipeline, stages: stages.map((stage) => ({ stage, apps: [] })) };
  }

  /** `signal` aborts when the caller no longer waits. */
  async get(caller: Principal, id: string, signal?: AbortSignal): Promise<PipelineView> {
    const { store, promotedHashes } = this.deps;
    const owner = signal === undefined ? caller : { ...caller, signal };
    return await viewPipeline(owner, store.read, promotedHashes, await visiblePipeline(store.read, caller, id));
  }

  async update(caller: Principal, id: string, change: PipelineChange): Promise<PipelineView> {
    const { displayName, type, projectId } = change;
    await this.deps.store.write(async (tx) => {
      const { pipeline, stages } = await changeablePipeline(tx, caller, id);
      if (typeof projectId === "string") await visibleProject(tx, caller, projectId);
      if (projectId === null && caller.projectId !== null) {
        throw new AppError("forbidden", "the token may not remove a pipeline from its project");
      }
      const at = instantOf(this.deps.clock.now());
      const updated: Pipeline = {
        ...pipeline,
        displayName: displayName ?? pipeline.displayName,
        type: type ?? pipeline.type,
        projectId: projectId === undefined ? pipeline.projectId : projectId,
        updatedAt: at,
      };
      // Not of one that keeps both: there are pipelines from before names had to differ.
      if (updated.displayName !== pipeline.displayName || updated.projectId !== pipeline.projectId) {
        await requireFreeName(tx, updated);
      }
      const moved = reordered(stages, change.stageOrder ?? []);
      await tx.updatePipeline(updated);
      for (const stage of moved) await tx.updatePipelineStage({ ...stage, updatedAt: at });
      await this.#record(tx, caller, pipeline, "pipeline.updated", {
        ...{ display_name: updated.displayName, type: updated.type, project_id: updated.projectId },
        moved_stages: moved.map((stage) => `${stage.id} to ${stage.order}`),
      });
    });
    return await this.get(caller, id);
  }

  /** @param reason for the audit; at most 1,000 characters, null for none */
  async delete(caller: Principal, id: string, reason: string | null = null): Promise<void> {
    await this.deps.store.write(async (tx) => {
      const { pipeline, stages } = await changeablePipeline(tx, caller, id);
      await tx.deletePipeline(pipeline.id);
      await this.#record(tx, caller, pipeline, "pipeline.deleted", {
        display_name: pipeline.displayName,
        stages: stages.map((stage) => stage.displayName),
        ...reasonOf(reason),
      });
    });
  }

  /**
   * The JSON Patch (RFC 6902) from what is active in one app to what is in another, as JSON text. Throws `too_large` for one that is too
   * long or takes too long.
   */
  async diff(
    caller: Principal,
    id: string,
    [from, to]: readonly [string, string],
    signal: AbortSignal,
  ): Promise<string> {
    const { read } = this.deps.store;
    const seen = await visiblePipeline(read, caller, id);
    return await this.deps.documents.diff({ ...caller, signal }, async () => [
      await activePolicies(read, seen, "from", from),
      await activePolicies(read, seen, "to", to),
    ]);
  }

  async #record(
    tx: Writer,
    caller: Principal,
    { orgId, id }: Pipeline,
    action: string,
    metadata: Metadata,
  ): Promise<void> {
    await this.deps.audit.record(tx, orgId, caller, {
      ...{ action, resourceType: "pipeline", resourceId: id, metadata },
    });
  }
}

/** Throws `conflict` when another pipeline of the same project, or of the organization alone, has the name. */
async function requireFreeName(reader: Reader, { orgId, projectId, displayName, id }: Pipeline): Promise<void> {
  const other = await reader.pipelineNamed(orgId, projectId, displayName, id);
  if (other === null) return;
  const owner = projectId === null ? "the organization" : "the project";
  throw new AppError("conflict", `${owner} has a pipeline "${displayName}" already: ${other.id}`, {
    reason: "name_taken",
  });
}

async function activePolicies(reader: Reader, { apps }: SeenPipeline, field: string, appId: string): Promise<string> {
  const app = apps.find(({ environment }) => environment.id === appId);
  if (app === undefined) throw invalidField([field], "is not an app of this pipeline", "unknown", "query");
  if (app.active === null) throw new AppError("not_found", `nothing is active in "${app.environment.name}"`);
  const content = await reader.content(app.active.contentId);
  // Deleted between two reads.
  if (content === null) throw notFound("bundle");
  return content.policies;
}
