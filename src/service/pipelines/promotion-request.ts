import { notFound } from "../../core/error.js";
import { FieldErrors } from "../../core/field-errors.js";
import type { Pipeline, PipelineApp } from "../../core/pipeline.js";
import type { Principal } from "../../core/token.js";
import type { Reader } from "../../store/store.js";
import { requireChangeable } from "../access/access.js";
import { visiblePipeline } from "./pipeline-access.js";

/** A promotion from one app of a pipeline to others in later stages, by their UUIDs. */
export interface PromotionRequest {
  readonly pipelineId: string;
  readonly sourceAppId: string;
  readonly targetAppIds: readonly string[];
  readonly promotedBy: string | null;
  /** Why; at most 1,000 characters. */
  readonly reason: string | null;
  /** The version that must be active in the source; absent for any. */
  readonly sourceVersion?: number;
}

/** The apps of a request, as the pipeline has them. */
export interface Participants {
  readonly pipeline: Pipeline;
  readonly source: PipelineApp;
  /** As they were asked for. */
  readonly targets: readonly PipelineApp[];
}

/** Throws `invalid` for a target that is named twice or is the source. */
export function refuseTwice({ sourceAppId, targetAppIds }: PromotionRequest): void {
  const errors = new FieldErrors();
  const named = new Set<string>();
  for (const [index, id] of targetAppIds.entries()) {
    const loc = ["body", "target_app_ids", String(index)];
    if (named.has(id)) errors.add(loc, "is there twice", "duplicate");
    else if (id === sourceAppId) errors.add(loc, "is the source", "source");
    named.add(id);
  }
  errors.throwIfAny();
}

/** The apps of a request, as the caller sees them. Throws `not_found`, `invalid` or `forbidden`, in this order. */
export async function participants(
  reader: Reader,
  caller: Principal,
  request: PromotionRequest,
): Promise<Participants> {
  const { pipeline, stages, apps } = await visiblePipeline(reader, caller, request.pipelineId);
  const byId = new Map(apps.map((app) => [app.environment.id, app]));
  const orders = new Map(stages.map(({ id, order }) => [id, order]));
  const orderOf = (app: PipelineApp) => orders.get(app.stageId) ?? 0;
  const errors = new FieldErrors();
  const source = byId.get(request.sourceAppId);
  if (source === undefined) errors.add(["body", "source_app_id"], "is not an app of this pipeline", "unknown");
  const targets = request.targetAppIds.flatMap((id, index) => {
    const loc = ["body", "target_app_ids", String(index)];
    const target = byId.get(id);
    if (target === undefined) errors.add(loc, "is not an app of this pipeline", "unknown");
    else if (source !== undefined && orderOf(target) <= orderOf(source)) {
      errors.add(loc, "is not in a later stage than the source", "stage");
    }
    return target ?? [];
  });
  errors.throwIfAny();
  // Told above.
  if (source === undefined) throw notFound("app");
  for (const { environment } of targets) requireChangeable(caller, environment.name);
  return { pipeline, source, targets };
}
