import { line } from "../../core/printable.js";
import {
  formatMessage,
  formatMessages,
  type Pipeline,
  type PipelineApp,
  type PipelinePromotion,
  type PipelineStage,
} from "../../sdk/index.js";
import { formatChange } from "../bundles/bundle-output.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Fact } from "../shell/table.js";

interface Row {
  readonly stage: PipelineStage;
  /** Absent in the one row of an empty stage. */
  readonly app?: PipelineApp;
}

/** Answers with a pipeline: its facts, and a table of its stages and apps with their active versions. */
export function answerPipeline(shell: Shell, pipeline: Pipeline): void {
  const rows = pipeline.stages.flatMap((stage): readonly Row[] =>
    stage.apps.length === 0 ? [{ stage }] : stage.apps.map((app) => ({ stage, app })),
  );
  shell.answer(
    () => formatMessage(pipeline),
    () =>
      formatFacts([
        ["name", pipeline.displayName],
        ["type", pipeline.type],
        ["project", pipeline.projectId],
        ["id", pipeline.id],
      ]) +
      "\n" +
      formatTable(
        rows,
        [
          ["STAGE", ({ stage }) => `${stage.order} ${stage.displayName}`],
          ["APP", ({ app }) => app && `${app.project}/${app.environment}`],
          ["ACTIVE", ({ app }) => app?.activeVersion],
          ["AS PREVIOUS", ({ app }) => app?.equalsPreviousStage],
          ["SINCE", ({ app }) => formatTime(app?.activeSince)],
          ["POLICY HASH", ({ app }) => app?.policyHash?.slice(0, 19)],
          ["APP ID", ({ app }) => app?.appId],
        ],
        shell.tableStyle,
      ),
  );
}

/** Answers with what a promotion did, or would do, in each target; `nameOf` is what the caller called it. */
export function answerPromotions(
  shell: Shell,
  promotions: readonly PipelinePromotion[],
  nameOf: (appId: string) => string,
): void {
  const isDryRun = promotions.some(({ change }) => change?.dryRun);
  const differences = promotions
    .filter(({ change }) => change?.difference !== undefined)
    .map(
      (one) =>
        line`\n${nameOf(one.targetAppId)}:\n` + (one.change ? formatChange(one.change, { color: shell.color }) : ""),
    );
  shell.answer(
    () => formatMessages(promotions),
    () =>
      formatTable(
        promotions,
        [
          ["TARGET", ({ targetAppId }) => nameOf(targetAppId)],
          ["APP ID", ({ targetAppId }) => targetAppId],
          ["DEPLOYMENT", ({ deploymentId }) => deploymentId],
          ["CHANGE", changeWord],
        ],
        shell.tableStyle,
      ) + (isDryRun ? `${differences.join("")}\ndry run: nothing was changed\n` : ""),
  );
}

function changeWord({ change }: PipelinePromotion): string {
  if (change?.skipped === true) return "skipped: unchanged";
  return change?.unchanged === true ? "unchanged" : "changed";
}

/** What goes with a pipeline, or with one stage of it: its stages, and the environments that are in them. */
export function pipelineFacts({ stages }: Pipeline, stageId?: string): readonly Fact[] {
  const gone = stages.filter(({ id }) => stageId === undefined || id === stageId);
  const apps = gone.flatMap((stage) => stage.apps.map(({ project, environment }) => `${project}/${environment}`));
  const shown = apps.slice(0, 20).join(", ");
  return [
    ...(stageId === undefined ? [["stages", gone.map(({ displayName }) => displayName).join(", ")] as const] : []),
    ["environments that leave it", apps.length > 20 ? `${shown} and ${apps.length - 20} more` : shown],
  ];
}
