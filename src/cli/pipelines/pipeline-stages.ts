import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessage } from "../../sdk/index.js";
import { answerChange } from "../shell/answers.js";
import { confirmDeletion, requireConfirmable, withDeletion, type DeletionOptions } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { pipelineFacts } from "./pipeline-output.js";
import { APP, findAppId, findPipelineId, findStageId, PIPELINE, STAGE } from "./pipeline-names.js";

/** `signet pipeline add-stage`, `delete-stage`, `add-app` and `remove-app`. */
export function addPipelineStages(pipeline: Command, shell: Shell): void {
  pipeline
    .command("add-stage")
    .description("create a stage; the stages from its order on move up")
    .argument("<pipeline>", PIPELINE)
    .argument("<name>", "name of the stage")
    .requiredOption("--before <order>", "order of the new stage, from 0; at most the last", wholeNumber(0, 50))
    .option("--branch <branch>", "Git branch, for information only")
    .addHelpText("after", examples("signet pipeline add-stage main Staging --before 1"))
    .action(
      inSession(shell, async (session, wanted: string, displayName: string, options: StageOptions) => {
        const { before: insertBefore, branch } = options;
        const id = await findPipelineId(session, wanted);
        const request = { id, displayName, insertBefore, ...defined({ branch }) };
        const stage = await session.client.pipelines.createPipelineStage(request);
        shell.answer(
          () => formatMessage(stage),
          () => line`created stage ${stage.displayName} with order ${stage.order}: ${stage.id}\n`,
        );
      }),
    );
  withDeletion(pipeline.command("delete-stage"))
    .description("delete a stage, after confirmation; its environments stay, in no stage")
    .argument("<pipeline>", PIPELINE)
    .argument("<stage>", STAGE)
    .addHelpText("after", examples("signet pipeline delete-stage main Staging"))
    .action(
      inSession(shell, async (session, wanted: string, stage: string, options: DeletionOptions) => {
        requireConfirmable(shell, options);
        const { id, stageId } = await findStage(session, wanted, stage);
        await confirmDeletion(shell, options, `stage "${stage}" of the pipeline "${wanted}"`, async () =>
          pipelineFacts(await session.client.pipelines.getPipeline({ id }), stageId),
        );
        const { reason } = options;
        await session.client.pipelines.deletePipelineStage({ id, stageId, ...defined({ reason }) });
        answerChange(shell, "deleted", "stage", stageId);
      }),
    );
  pipeline
    .command("add-app")
    .description("add an environment to a stage; it can be in one stage of all pipelines")
    .argument("<pipeline>", PIPELINE)
    .argument("<stage>", STAGE)
    .argument("<app>", APP)
    .addHelpText("after", examples("signet pipeline add-app main Development web/dev"))
    .action(
      inSession(shell, async (session, wanted: string, stage: string, app: string) => {
        const appId = await findAppId(session, app);
        const request = { ...(await findStage(session, wanted, stage)), appId };
        const added = await session.client.pipelines.addPipelineApp(request);
        shell.answer(
          () => formatMessage(added),
          () => line`added ${added.project}/${added.environment}: ${added.appId}\n`,
        );
      }),
    );
  pipeline
    .command("remove-app")
    .description("remove an environment from a stage; the environment stays")
    .argument("<pipeline>", PIPELINE)
    .argument("<stage>", STAGE)
    .argument("<app>", APP)
    .addHelpText("after", examples("signet pipeline remove-app main Development web/dev"))
    .action(
      inSession(shell, async (session, wanted: string, stage: string, app: string) => {
        const appId = await findAppId(session, app);
        await session.client.pipelines.removePipelineApp({ ...(await findStage(session, wanted, stage)), appId });
        answerChange(shell, "removed", "app", appId);
      }),
    );
}

interface StageOptions {
  readonly before: number;
  readonly branch?: string;
}

async function findStage(session: Session, wanted: string, stage: string): Promise<{ id: string; stageId: string }> {
  const id = await findPipelineId(session, wanted);
  return { id, stageId: findStageId(await session.client.pipelines.getPipeline({ id }), stage) };
}
