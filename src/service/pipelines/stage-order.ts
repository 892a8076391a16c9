import type { PipelineStage } from "../../core/pipeline.js";
import { FieldErrors } from "../../core/field-errors.js";

/** Where a stage shall stand. */
export interface StageOrder {
  readonly stageId: string;
  readonly order: number;
}

/** The orders of Sevalla's stages, 0 to 50. */
export const MAX_STAGES = 51;

/**
 * The stages that get another order. Those that are not named keep theirs, and in the end each order from 0 to the number of stages less
 * one must be there once. Throws `invalid` otherwise.
 */
export function reordered(stages: readonly PipelineStage[], wanted: readonly StageOrder[]): readonly PipelineStage[] {
  const errors = new FieldErrors();
  const orders = new Map(stages.map(({ id, order }) => [id, order]));
  const named = new Set<string>();
  for (const [index, { stageId, order }] of wanted.entries()) {
    const loc = ["body", "stage_order", String(index)];
    if (order >= stages.length) errors.add([...loc, "order"], `must be from 0 to ${stages.length - 1}`, "range");
    if (named.has(stageId)) errors.add([...loc, "stage_id"], "is there twice", "duplicate");
    else if (!orders.has(stageId)) errors.add([...loc, "stage_id"], "is not a stage of this pipeline", "unknown");
    named.add(stageId);
    if (orders.has(stageId)) orders.set(stageId, order);
  }
  errors.throwIfAny();
  if (new Set(orders.values()).size !== stages.length) {
    errors.add(
      ["body", "stage_order"],
      `must leave each order from 0 to ${stages.length - 1} to one stage`,
      "duplicate",
    );
  }
  errors.throwIfAny();
  return stages.flatMap((stage) => {
    const order = orders.get(stage.id) ?? stage.order;
    return order === stage.order ? [] : [{ ...stage, order }];
  });
}
