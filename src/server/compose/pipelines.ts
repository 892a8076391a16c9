import type { Documents } from "../../service/documents/documents.js";
import { PipelinePromotion } from "../../service/pipelines/pipeline-promotion.js";
import { PipelineStages } from "../../service/pipelines/pipeline-stages.js";
import { Pipelines } from "../../service/pipelines/pipelines.js";
import { PromotedHashes } from "../../service/pipelines/promoted-hashes.js";
import type { AuditServices } from "./audit.js";
import type { BundleServices } from "./bundles.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { RootServices } from "./roots.js";

/** Promotion pipelines and their comparisons and promotions. */
export interface PipelineServices {
  readonly pipelines: Pipelines;
  readonly pipelineStages: PipelineStages;
  readonly pipelinePromotion: PipelinePromotion;
}

/** Composes pipelines, which promote through the writer of bundles. */
export function composePipelines(
  { store, clock }: ServiceContext,
  {
    audit,
    verifier,
    writer,
    previews,
    policySchemas,
    idempotency,
    wakeups,
    outbox,
    releaseRules,
  }: AuditServices & BundleServices & ChangeServices & RootServices,
  documents: Documents,
): PipelineServices {
  const promotedHashes = new PromotedHashes(documents);
  return {
    pipelines: new Pipelines({ store, clock, audit, documents, promotedHashes }),
    pipelineStages: new PipelineStages({ store, clock, audit, promotedHashes }),
    pipelinePromotion: new PipelinePromotion({
      ...{ store, documents, writer, verifier, previews, policySchemas, audit, idempotency, wakeups, outbox },
      releaseRules,
    }),
  };
}
