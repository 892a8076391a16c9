import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  PipelineAppSchema,
  PipelinePromotionSchema,
  PipelineSchema,
  PipelineService,
  PipelineStageSchema,
  PipelineSummarySchema,
  UpdatePipelineRequest,
} from "../../../gen/signet/v1/pipeline_pb.js";
import { defined } from "../../core/defined.js";
import type { Pipeline, PipelineType } from "../../core/pipeline.js";
import type { PipelinePromotion, PromotedTarget } from "../../service/pipelines/pipeline-promotion.js";
import type { PipelineStages } from "../../service/pipelines/pipeline-stages.js";
import type { AppView, PipelineView, StageView } from "../../service/pipelines/pipeline-view.js";
import type { PipelineChange, Pipelines } from "../../service/pipelines/pipelines.js";
import { callOf } from "../admission/call.js";
import { changeRequestOf } from "./change-request.js";
import { changeMessage } from "./difference-message.js";
import { maskedFields } from "./masked-fields.js";
import { optionalTimestamp, textOrNull, timestampOf, withoutNulls } from "./message-fields.js";

/** PipelineService on the use cases. */
export function createPipelineService(services: {
  readonly pipelines: Pipelines;
  readonly pipelineStages: PipelineStages;
  readonly pipelinePromotion: PipelinePromotion;
}): ServiceImpl<typeof PipelineService> {
  const { pipelines, pipelineStages, pipelinePromotion } = services;
  return {
    async listPipelines({ limit, offset }, context) {
      const listed = await pipelines.list(callOf(context).principal, limit, offset);
      return { data: listed.rows.map(summaryMessage), total: listed.total, limit: listed.limit, offset };
    },

    async createPipeline({ displayName, type, projectId }, context) {
      const input = { displayName, type: type as PipelineType, projectId: projectId ?? null };
      return pipelineMessage(await pipelines.create(callOf(context).principal, input));
    },

    async getPipeline({ id }, context) {
      return pipelineMessage(await pipelines.get(callOf(context).principal, id, context.signal));
    },

    async updatePipeline(request, context) {
      return pipelineMessage(await pipelines.update(callOf(context).principal, request.id, changeOf(request)));
    },

    async deletePipeline({ id, reason }, context) {
      await pipelines.delete(callOf(context).principal, id, reason);
      return create(EmptySchema);
    },

    async createPipelineStage({ id, displayName, insertBefore, branch }, context) {
      const input = { displayName, insertBefore: insertBefore ?? 0, branch: branch ?? null };
      const stage = await pipelineStages.create(callOf(context).principal, id, input);
      return stageMessage({ stage, apps: [] });
    },

    async deletePipelineStage({ id, stageId, reason }, context) {
      await pipelineStages.delete(callOf(context).principal, id, stageId, reason);
      return create(EmptySchema);
    },

    async addPipelineApp({ id, stageId, appId }, context) {
      return appMessage(await pipelineStages.addApp(callOf(context).principal, id, stageId, appId));
    },

    async removePipelineApp({ id, stageId, appId }, context) {
      await pipelineStages.removeApp(callOf(context).principal, id, stageId, appId);
      return create(EmptySchema);
    },

    async promotePipeline({ id, sourceAppId, targetAppIds, promotedBy = null, dryRun, ...more }, context) {
      const why = { promotedBy, reason: textOrNull(more.reason), ...defined({ sourceVersion: more.sourceVersion }) };
      const request = { pipelineId: id, sourceAppId, targetAppIds, ...why };
      const promoted = await pipelinePromotion.promote(changeRequestOf(context, dryRun), request);
      return { promotions: promoted.map(promotionMessage) };
    },

    async diffPipelineApps({ id, from, to }, context) {
      return { patch: await pipelines.diff(callOf(context).principal, id, [from, to], context.signal) };
    },
  };
}

function changeOf(request: UpdatePipelineRequest): PipelineChange {
  const { stageOrder, updateMask } = request;
  const { displayName, type, projectId } = maskedFields(request, ["displayName", "type", "projectId", "stageOrder"]);
  return {
    ...(typeof displayName === "string" ? { displayName } : {}),
    ...(typeof type === "string" ? { type: type as PipelineType } : {}),
    ...(projectId === undefined ? {} : { projectId }),
    // A list cannot tell empty from absent, and to reorder nothing is the same.
    ...(updateMask?.paths.includes("stage_order") === false
      ? {}
      : { stageOrder: stageOrder.map(({ stageId, order }) => ({ stageId, order: order ?? 0 })) }),
  };
}

function promotionMessage({
  targetAppId,
  deploymentId,
  change,
}: PromotedTarget): MessageInitShape<typeof PipelinePromotionSchema> {
  return { targetAppId, deploymentId, ...(change === undefined ? {} : { change: changeMessage(change) }) };
}

function summaryMessage(pipeline: Pipeline): MessageInitShape<typeof PipelineSummarySchema> {
  const { id, orgId, projectId, displayName, type, createdAt, updatedAt } = pipeline;
  return {
    ...{ id, companyId: orgId, displayName, type },
    ...{ createdAt: timestampOf(createdAt), updatedAt: timestampOf(updatedAt) },
    ...withoutNulls({ projectId }),
  };
}

function pipelineMessage({ pipeline, stages }: PipelineView): MessageInitShape<typeof PipelineSchema> {
  const { $typeName: _, ...fields } = summaryMessage(pipeline);
  return { ...fields, stages: stages.map(stageMessage) };
}

function stageMessage({ stage, apps }: StageView): MessageInitShape<typeof PipelineStageSchema> {
  const { id, pipelineId, displayName, type, order, branch, createdAt, updatedAt } = stage;
  return {
    ...{ id, pipelineId, displayName, type, order, apps: apps.map(appMessage) },
    ...{ createdAt: timestampOf(createdAt), updatedAt: timestampOf(updatedAt) },
    ...withoutNulls({ branch }),
  };
}

function appMessage({ app, equalsPrevious }: AppView): MessageInitShape<typeof PipelineAppSchema> {
  const { environment, projectSlug, active } = app;
  const { activeVersion, activeDeploymentId } = environment;
  return {
    appId: environment.id,
    projectId: environment.projectId,
    project: projectSlug,
    environment: environment.name,
    ...(active === null ? {} : { policyHash: active.policyHash, sequence: environment.sequence }),
    ...withoutNulls({ activeVersion, deploymentId: activeDeploymentId, equalsPreviousStage: equalsPrevious }),
    ...optionalTimestamp("activeSince", active?.since ?? null),
  };
}
