import { InvalidArgumentError, type Command } from "commander";
import { defined } from "../../core/defined.js";
import type { ChangeGuards } from "../../sdk/index.js";
import {
  guardedBy,
  withIdempotencyKey,
  withPreview,
  withBundleReason,
  withSourceVersion,
  type PreviewOptions,
  type SourceOptions,
} from "../bundles/options.js";
import { answerChange, answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import {
  confirmDeletion,
  requireConfirmable,
  withDeletion,
  type DeletionOptions,
  type ReasonOption,
} from "../shell/confirmation.js";
import { examples, listedOption } from "../shell/help.js";
import { answerPatch } from "../shell/patch-output.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { findAppId, findPipelineId, findStageId, PIPELINE } from "./pipeline-names.js";
import { answerPipeline, answerPromotions, pipelineFacts } from "./pipeline-output.js";
import { addPipelineStages } from "./pipeline-stages.js";

interface UpdateOptions {
  readonly name?: string;
  readonly type?: string;
  readonly move?: readonly (readonly [stage: string, order: number])[];
}

interface PromoteOptions extends PreviewOptions, SourceOptions, ChangeGuards, ReasonOption {
  readonly from: string;
  readonly to: readonly string[];
  readonly promotedBy?: string;
}

const HELP = `
<pipeline> is a UUID or a name. An app is an environment: its UUID, project/environment, or its name in --project.`;

/** `signet pipeline`: stages of environments, and promotion from one environment to many. */
export function addPipeline(program: Command, shell: Shell): void {
  const pipeline = program
    .command("pipeline")
    .description("create, list, show, update and delete pipelines, and promote to many targets at once")
    .addHelpText(
      "after",
      HELP + examples("signet pipeline list", "signet pipeline promote main --from web/dev --to web/staging web/prod"),
    );
  addLifecycle(pipeline, shell);
  addPipelineStages(pipeline, shell);
  withBundleReason(withSourceVersion(withPreview(withIdempotencyKey(pipeline.command("promote")))))
    .description("publish and activate the active bundle of one app in each target: in all of them or none")
    .argument("<pipeline>", PIPELINE)
    .requiredOption("--from <app>", "source app")
    .requiredOption("--to <apps...>", "target apps, in later stages")
    .option("--promoted-by <name>", "free text: person or system that promotes")
    .addHelpText("after", examples("signet pipeline promote main --from web/dev --to web/staging api/staging"))
    .action(
      inSession(shell, async (session, wanted: string, options: PromoteOptions) => {
        const sourceAppId = await findAppId(session, options.from);
        const targetAppIds: string[] = [];
        for (const app of options.to) targetAppIds.push(await findAppId(session, app));
        const { promotedBy, reason, sourceVersion, dryRun = false } = options;
        const id = await findPipelineId(session, wanted);
        const request = { id, sourceAppId, targetAppIds, dryRun, ...defined({ promotedBy, reason, sourceVersion }) };
        const { promotions } = await session.client.pipelines.promotePipeline(request, guardedBy(options));
        answerPromotions(shell, promotions, (appId) => options.to[targetAppIds.indexOf(appId)] ?? appId);
      }),
    );
  pipeline
    .command("diff")
    .description("show the changes from one app's active policies to another's (JSON Patch, RFC 6902)")
    .argument("<pipeline>", PIPELINE)
    .requiredOption("--from <app>", "app of the pipeline")
    .requiredOption("--to <app>", "another app of it")
    .addHelpText("after", examples("signet pipeline diff main --from web/dev --to web/prod"))
    .action(
      inSession(shell, async (session, wanted: string, { from, to }: { from: string; to: string }) => {
        const apps = { from: await findAppId(session, from), to: await findAppId(session, to) };
        const id = await findPipelineId(session, wanted);
        const { patch } = await session.client.pipelines.diffPipelineApps({ id, ...apps });
        answerPatch(shell, patch);
      }),
    );
}

function addLifecycle(pipeline: Command, shell: Shell): void {
  withPage(pipeline.command("list", { isDefault: true }))
    .description("list pipelines, newest first")
    .addHelpText("after", examples("signet pipeline list"))
    .action(
      inSession(shell, async (session, page: PageOptions) => {
        const listed = await session.client.pipelines.listPipelines({ ...page });
        answerPage(shell, listed, page.offset, [
          ["ID", ({ id }) => id],
          ["TYPE", ({ type }) => type],
          ["PROJECT", ({ projectId }) => projectId],
          ["NAME", ({ displayName }) => displayName],
        ]);
      }),
    );
  pipeline
    .command("create")
    .description("create a pipeline with the stages Development and Production, owned by --project if given")
    .argument("<name>", "1 to 255 characters")
    .addOption(listedOption("--type <type>", "kind of pipeline", ["trunk", "branch"]).default("trunk"))
    .addHelpText("after", examples("signet pipeline create main"))
    .action(
      inSession(shell, async (session, displayName: string, { type }: { type: string }) => {
        const request = { displayName, type, ...(await ownProject(session)) };
        answerPipeline(shell, await session.client.pipelines.createPipeline(request));
      }),
    );
  pipeline
    .command("get")
    .description("show the active version of each app, and whether it equals that of the previous stage")
    .argument("<pipeline>", PIPELINE)
    .addHelpText("after", examples("signet pipeline get main"))
    .action(
      inSession(shell, async (session, wanted: string) => {
        const id = await findPipelineId(session, wanted);
        answerPipeline(shell, await session.client.pipelines.getPipeline({ id }));
      }),
    );
  pipeline
    .command("update")
    .description("update a pipeline: rename it, move it to --project, or reorder its stages")
    .argument("<pipeline>", PIPELINE)
    .option("--name <name>", "new name")
    .addOption(listedOption("--type <type>", "new kind of pipeline", ["trunk", "branch"]))
    .option("--move <stage=order...>", "new order of a stage; in the end each order must occur once", addMove)
    .addHelpText("after", examples("signet pipeline update main --move Production=2 Staging=1"))
    .action(
      inSession(shell, async (session, wanted: string, { name, type, move = [] }: UpdateOptions) => {
        const change = defined({ displayName: name, type, ...(await ownProject(session)) });
        if (Object.keys(change).length === 0 && move.length === 0)
          throw new UsageError("nothing to update: pass --name, --type, --project or --move");
        const id = await findPipelineId(session, wanted);
        const current = move.length === 0 ? undefined : await session.client.pipelines.getPipeline({ id });
        const stageOrder = move.flatMap(([stage, order]) =>
          current === undefined ? [] : [{ stageId: findStageId(current, stage), order }],
        );
        answerPipeline(shell, await session.client.pipelines.updatePipeline({ id, ...change, stageOrder }));
      }),
    );
  withDeletion(pipeline.command("delete"))
    .description("delete a pipeline and its stages, after confirmation; environments stay")
    .argument("<pipeline>", PIPELINE)
    .addHelpText("after", examples("signet pipeline delete main", "signet pipeline delete main --yes"))
    .action(
      inSession(shell, async (session, wanted: string, options: DeletionOptions) => {
        requireConfirmable(shell, options);
        const id = await findPipelineId(session, wanted);
        await confirmDeletion(shell, options, `pipeline "${wanted}"`, async () =>
          pipelineFacts(await session.client.pipelines.getPipeline({ id })),
        );
        const { reason } = options;
        await session.client.pipelines.deletePipeline({ id, ...defined({ reason }) });
        answerChange(shell, "deleted", "pipeline", id);
      }),
    );
}

/** The project of `--project`; nothing without it. */
async function ownProject(session: Session): Promise<{ projectId?: string }> {
  const { project } = session.options;
  return project === undefined ? {} : { projectId: await session.projectId(project) };
}

function addMove(text: string, moves: UpdateOptions["move"] = []): UpdateOptions["move"] {
  const [, stage, order] = /^(.+)=(\d{1,2})$/.exec(text) ?? [];
  if (stage === undefined || order === undefined) throw new InvalidArgumentError("It must be stage=order.");
  return [...moves, [stage, Number(order)]];
}
