import type { Pipeline, PipelineApp, PipelineStage } from "../../core/pipeline.js";
import type { Reader } from "../../store/store.js";
import type { DocumentOwner } from "../documents/document-workers.js";
import type { SeenPipeline } from "./pipeline-access.js";
import type { PromotedHashes } from "./promoted-hashes.js";

/** A pipeline with where every bundle is. */
export interface PipelineView {
  readonly pipeline: Pipeline;
  /** By order. */
  readonly stages: readonly StageView[];
}

/** A stage with its apps. */
export interface StageView {
  readonly stage: PipelineStage;
  readonly apps: readonly AppView[];
}

/** An app, and whether it equals the stage before. */
export interface AppView {
  readonly app: PipelineApp;
  /** Null when there is nothing to compare it with. */
  readonly equalsPrevious: boolean | null;
}

/**
 * Says of each app whether what is active there is what a promotion from the stage before would bring. The stage before is the nearest
 * earlier one with an app in which something is active, as the token sees it.
 */
export async function viewPipeline(
  caller: DocumentOwner,
  reader: Reader,
  promoted: PromotedHashes,
  { pipeline, stages, apps }: SeenPipeline,
): Promise<PipelineView> {
  const hashIn = (app: PipelineApp, environment: string) => promoted.hash(caller, reader, app, environment);
  const views: StageView[] = [];
  let previous: readonly PipelineApp[] = [];
  for (const stage of stages) {
    const own = apps.filter(({ stageId }) => stageId === stage.id);
    const viewed: AppView[] = [];
    for (const app of own) viewed.push({ app, equalsPrevious: await equalsAny(hashIn, previous, app) });
    views.push({ stage, apps: viewed });
    const active = own.filter((app) => app.active !== null);
    if (active.length > 0) previous = active;
  }
  return { pipeline, stages: views };
}

async function equalsAny(
  hashIn: (app: PipelineApp, environment: string) => Promise<string | null>,
  previous: readonly PipelineApp[],
  app: PipelineApp,
): Promise<boolean | null> {
  if (previous.length === 0) return null;
  if (app.active === null) return false;
  for (const source of previous) {
    // The same text as another kind of policies is another content.
    if (source.active?.mediaType !== app.active.mediaType) continue;
    if ((await hashIn(source, app.environment.name)) === app.active.policyHash) return true;
  }
  return false;
}
