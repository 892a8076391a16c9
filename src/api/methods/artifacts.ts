import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ArtifactSchema, ArtifactService } from "../../../gen/signet/v1/artifact_pb.js";
import { statusOf, type Artifact, type ArtifactStatus } from "../../core/artifact.js";
import type { ArtifactPromotions } from "../../service/bundles/artifact-promotion.js";
import type { Artifacts } from "../../service/bundles/artifacts.js";
import { bundleMessage } from "./bundles.js";
import { callOf } from "../admission/call.js";
import { changeRequestOf } from "./change-request.js";
import { optionalTimestamp, textOrNull, timestampOf, withoutNulls } from "./message-fields.js";

/** ArtifactService on the use cases. */
export function createArtifactService(services: {
  readonly artifacts: Artifacts;
  readonly artifactPromotions: ArtifactPromotions;
}): ServiceImpl<typeof ArtifactService> {
  const { artifacts, artifactPromotions } = services;
  return {
    async createArtifact({ projectId, policies, name, mediaType }, context) {
      const input = { projectId, policies: policies ?? "", name: name ?? null, mediaType: mediaType ?? null };
      return artifactMessage(await artifacts.create(changeRequestOf(context), input));
    },

    async listArtifacts({ projectId, status, limit, offset }, context) {
      const listed = await artifacts.list(
        callOf(context).principal,
        // The guard let pass no other text: the rules of the field.
        { projectId, status: status as ArtifactStatus | undefined },
        limit,
        offset,
      );
      return { data: listed.rows.map(artifactMessage), total: listed.total, limit: listed.limit, offset };
    },

    async getArtifact({ artifactId }, context) {
      const { artifact, content } = await artifacts.get(callOf(context).principal, artifactId);
      const { $typeName: _, ...fields } = artifactMessage(artifact);
      return { ...fields, policies: content.policies };
    },

    async deleteArtifact({ artifactId }, context) {
      await artifacts.delete(callOf(context).principal, artifactId);
      return create(EmptySchema);
    },

    async promoteArtifact({ artifactId, title, description, reason }, context) {
      const about = { title: title ?? null, description: description ?? null, reason: textOrNull(reason) };
      const promoted = await artifactPromotions.promote(changeRequestOf(context), artifactId, about);
      return {
        artifactId: promoted.artifactId,
        status: "promoted",
        deploymentId: promoted.state.deploymentId ?? "",
        bundle: bundleMessage(promoted.state),
      };
    },
  };
}

function artifactMessage(artifact: Artifact): MessageInitShape<typeof ArtifactSchema> {
  const { id, projectId, name, mediaType, createdBy, createdAt, promotion } = artifact;
  return {
    ...{ id, projectId, mediaType, status: statusOf(artifact), createdBy, createdAt: timestampOf(createdAt) },
    ...withoutNulls({ name, deploymentId: promotion?.state.deploymentId ?? null }),
    ...optionalTimestamp("promotedAt", promotion?.at ?? null),
  };
}
