import type { Pipeline, PipelineApp, PipelineStage } from "../../../../gen/signet/v1/pipeline_pb.js";

/** An app and the stage that it is in. */
export interface PlacedApp {
  readonly app: PipelineApp;
  readonly stage: PipelineStage;
}

/** Every app of a pipeline with its stage, in promotion order. */
export function placedApps({ stages }: Pipeline): readonly PlacedApp[] {
  return stages.toSorted((a, b) => a.order - b.order).flatMap((stage) => stage.apps.map((app) => ({ app, stage })));
}

/** What an app can be promoted to: the apps of later stages. */
export function targetsOf(pipeline: Pipeline, sourceId: string): readonly PlacedApp[] {
  const all = placedApps(pipeline);
  const source = all.find(({ app }) => app.appId === sourceId);
  return source === undefined ? [] : all.filter(({ stage }) => stage.order > source.stage.order);
}

/** The apps that can be promoted: something is active in them, and a later stage has an app. */
export function sourcesOf(pipeline: Pipeline): readonly PlacedApp[] {
  return placedApps(pipeline).filter(
    ({ app }) => app.activeVersion !== undefined && targetsOf(pipeline, app.appId).length > 0,
  );
}

/** The apps that a promotion from a source proposes: those of the next stage that has some. */
export function proposedTargets(pipeline: Pipeline, sourceId: string): readonly string[] {
  const targets = targetsOf(pipeline, sourceId);
  const next = targets[0]?.stage.id;
  return targets.flatMap(({ app, stage }) => (stage.id === next ? [app.appId] : []));
}

/** An app as the command line names it: `project/environment`. */
export function appName({ project, environment }: Pick<PipelineApp, "project" | "environment">): string {
  return `${project}/${environment}`;
}

/** The `stage_order` that exchanges a stage with its neighbour: -1 towards the start. Empty at the ends. */
export function moved({ stages }: Pipeline, stageId: string, step: -1 | 1): { stageId: string; order: number }[] {
  const stage = stages.find(({ id }) => id === stageId);
  const other = stages.find(({ order }) => order === (stage?.order ?? -2) + step);
  if (stage === undefined || other === undefined) return [];
  return [
    { stageId: stage.id, order: other.order },
    { stageId: other.id, order: stage.order },
  ];
}
