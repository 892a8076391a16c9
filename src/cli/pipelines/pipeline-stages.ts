import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { formatMessage } from "../../sdk/index.js";
import { wholeNumber } from "../shell/numbers.js";
import { findAppId, findPipelineId, findStageId } from "./pipeline-names.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface StageOptions {
  readonly before: number;
  readonly branch?: string;
}

/** `signet pipeline add-stage`, `delete-stage`, `add-app` and `remove-app`. */
export function addPipelineStages(pipeline: Command, shell: Shell): void {
  pipeline
    .command("add-stage")
    .description("add a stage; those from there on shift up")
    .argument("<pipeline>")
    .argument("<name>")
    .requiredOption(
      "--before <order>",
      "the order that it gets, 0 is the first; beyond the last one it is the last",
      wholeNumber(0, 50),
    )
    .option("--branch <branch>", "a Git branch, for you to know")
    .action(async (wanted: string, displayName: string, { before, branch }: StageOptions, command: Command) => {
      using session = Session.open(shell, command);
      const id = await findPipelineId(session, wanted);
      const request = { id, displayName, insertBefore: before, ...(branch === undefined ? {} : { branch }) };
      const stage = await session.client.pipelines.createPipelineStage(request);
      shell.answer(
        () => formatMessage(stage),
        () => line`stage ${stage.displayName} stands at ${stage.order}: ${stage.id}\n`,
      );
    });
  pipeline
    .command("delete-stage")
    .description("delete a stage; its environments stay and are in no stage then. It does not ask")
    .argument("<pipeline>")
    .argument("<stage>", "UUID, name or order")
    .action(async (wanted: string, stage: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const { id, stageId } = await findStage(session, wanted, stage);
      await session.client.pipelines.deletePipelineStage({ id, stageId });
      shell.answer(
        () => JSON.stringify({ deleted: stageId }),
        () => line`deleted stage ${stageId}\n`,
      );
    });
  pipeline
    .command("add-app")
    .description("put an environment into a stage; it can be in one only, of all pipelines")
    .argument("<pipeline>")
    .argument("<stage>", "UUID, name or order")
    .argument("<app>", "UUID, project/environment, or an environment of --project")
    .action(async (wanted: string, stage: string, app: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const appId = await findAppId(session, app);
      const added = await session.client.pipelines.addPipelineApp({
        ...(await findStage(session, wanted, stage)),
        appId,
      });
      shell.answer(
        () => formatMessage(added),
        () => line`added ${added.project}/${added.environment}: ${added.appId}\n`,
      );
    });
  pipeline
    .command("remove-app")
    .description("take an environment out of a stage; the environment stays")
    .argument("<pipeline>")
    .argument("<stage>", "UUID, name or order")
    .argument("<app>", "UUID, project/environment, or an environment of --project")
    .action(async (wanted: string, stage: string, app: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const appId = await findAppId(session, app);
      await session.client.pipelines.removePipelineApp({ ...(await findStage(session, wanted, stage)), appId });
      shell.answer(
        () => JSON.stringify({ removed: appId }),
        () => line`removed ${appId}\n`,
      );
    });
}

async function findStage(session: Session, wanted: string, stage: string): Promise<{ id: string; stageId: string }> {
  const id = await findPipelineId(session, wanted);
  return { id, stageId: findStageId(await session.client.pipelines.getPipeline({ id }), stage) };
}
