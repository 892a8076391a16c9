import { InvalidArgumentError, type Command } from "commander";
import { line } from "../../core/printable.js";
import { changeHeaders, formatMessage, formatMessages } from "../../sdk/index.js";
import { addPipelineStages } from "./pipeline-stages.js";
import { UsageError } from "../shell/cli-error.js";
import { noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { formatPatch } from "../shell/patch-output.js";
import { findAppId, findPipelineId, findStageId } from "./pipeline-names.js";
import { answerPipeline } from "./pipeline-output.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatTable } from "../shell/table.js";

interface UpdateOptions extends GlobalOptions {
  readonly name?: string;
  readonly type?: string;
  readonly move?: readonly (readonly [stage: string, order: number])[];
}

interface PromoteOptions {
  readonly from: string;
  readonly to: readonly string[];
  readonly promotedBy?: string;
  readonly idempotencyKey?: string;
}

const HELP = `
<pipeline> is a UUID or a name. An app is an environment: its UUID, project/environment, or its name in --project.`;

/** `signet pipeline`: stages of environments, and promotion from one of them to many. */
export function addPipeline(program: Command, shell: Shell): void {
  const pipeline = program
    .command("pipeline")
    .description("list, make and change pipelines, see where every bundle is, and promote to many targets at once")
    .addHelpText("after", HELP);
  addLife(pipeline, shell);
  addPipelineStages(pipeline, shell);
  pipeline
    .command("promote")
    .description("make what is active in one app a new, active bundle in each target: all of them or none")
    .argument("<pipeline>")
    .requiredOption("--from <app>", "the source")
    .requiredOption("--to <apps...>", "the targets, in later stages")
    .option("--promoted-by <who>", "who promotes, in your words")
    .option("--idempotency-key <key>", "a retry with the same key within 24 hours answers the first result")
    .action(async (wanted: string, options: PromoteOptions, command: Command) => {
      using session = Session.open(shell, command);
      const sourceAppId = await findAppId(session, options.from);
      const targetAppIds: string[] = [];
      for (const app of options.to) targetAppIds.push(await findAppId(session, app));
      const { promotedBy, idempotencyKey } = options;
      const by = promotedBy === undefined ? {} : { promotedBy };
      const request = { id: await findPipelineId(session, wanted), sourceAppId, targetAppIds, ...by };
      const headers = changeHeaders({ idempotencyKey });
      const { promotions } = await session.client.pipelines.promotePipeline(request, { headers });
      const columns = [
        ["TARGET", ({ targetAppId }: { targetAppId: string }) => options.to[targetAppIds.indexOf(targetAppId)]],
        ["APP ID", ({ targetAppId }: { targetAppId: string }) => targetAppId],
        ["DEPLOYMENT", ({ deploymentId }: { deploymentId: string }) => deploymentId],
      ] as const;
      shell.answer(
        () => formatMessages(promotions),
        () => formatTable(promotions, columns, shell.color),
      );
    });
  pipeline
    .command("diff")
    .description("show what turns the active policies of one app into those of another, as JSON Patch (RFC 6902)")
    .argument("<pipeline>")
    .requiredOption("--from <app>", "an app of the pipeline")
    .requiredOption("--to <app>", "another one")
    .action(async (wanted: string, { from, to }: { from: string; to: string }, command: Command) => {
      using session = Session.open(shell, command);
      const apps = { from: await findAppId(session, from), to: await findAppId(session, to) };
      const id = await findPipelineId(session, wanted);
      const { patch } = await session.client.pipelines.diffPipelineApps({ id, ...apps });
      shell.answer(
        () => patch,
        () => formatPatch(patch, shell.color),
      );
    });
}

function addLife(pipeline: Command, shell: Shell): void {
  pipeline
    .command("list", { isDefault: true })
    .description("list them, newest first")
    .option("--limit <n>", "1 to 100", wholeNumber(1, 100), 25)
    .option("--offset <n>", "how many to skip", wholeNumber(0), 0)
    .action(async (page: { limit: number; offset: number }, command: Command) => {
      using session = Session.open(shell, command);
      const listed = await session.client.pipelines.listPipelines(page);
      shell.answer(
        () => formatMessage(listed),
        () =>
          formatTable(
            listed.data,
            [
              ["ID", ({ id }) => id],
              ["TYPE", ({ type }) => type],
              ["PROJECT", ({ projectId }) => projectId],
              ["NAME", ({ displayName }) => displayName],
            ],
            shell.color,
          ),
      );
      noticeMore(shell, page.offset + listed.data.length, listed.total, "--limit or --offset");
    });
  pipeline
    .command("create")
    .description("make one with the stages Development and Production; with --project it belongs to that project")
    .argument("<name>")
    .option("--type <type>", "trunk or branch", "trunk")
    .action(async (displayName: string, { type }: { type: string }, command: Command) => {
      using session = Session.open(shell, command);
      const owner = await ownProject(session, command);
      answerPipeline(shell, await session.client.pipelines.createPipeline({ displayName, type, ...owner }));
    });
  pipeline
    .command("get")
    .description("show what is active in each app, since when, and whether it is what the stage before has")
    .argument("<pipeline>")
    .action(async (wanted: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const id = await findPipelineId(session, wanted);
      answerPipeline(shell, await session.client.pipelines.getPipeline({ id }));
    });
  pipeline
    .command("update")
    .description("rename it, give it to --project, or move stages")
    .argument("<pipeline>")
    .option("--name <name>", "another name")
    .option("--type <type>", "trunk or branch")
    .option("--move <stage=order...>", "another order for a stage; each order must be there once in the end", addMove)
    .action(async (wanted: string, options: UpdateOptions, command: Command) => {
      using session = Session.open(shell, command);
      const { name, type, move = [] } = options;
      const owner = await ownProject(session, command);
      const isEmpty = name === undefined && type === undefined && move.length === 0 && !("projectId" in owner);
      if (isEmpty) throw new UsageError("change what? --name, --type, --project or --move");
      const id = await findPipelineId(session, wanted);
      const kept = move.length === 0 ? undefined : await session.client.pipelines.getPipeline({ id });
      const stageOrder = move.flatMap(([stage, order]) => (kept ? { stageId: findStageId(kept, stage), order } : []));
      const change = {
        ...owner,
        ...(name === undefined ? {} : { displayName: name }),
        ...(type === undefined ? {} : { type }),
      };
      answerPipeline(shell, await session.client.pipelines.updatePipeline({ id, ...change, stageOrder }));
    });
  pipeline
    .command("delete")
    .description("delete one with its stages; environments stay. It does not ask")
    .argument("<pipeline>")
    .action(async (wanted: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const id = await findPipelineId(session, wanted);
      await session.client.pipelines.deletePipeline({ id });
      shell.answer(
        () => JSON.stringify({ deleted: id }),
        () => line`deleted pipeline ${id}\n`,
      );
    });
}

/** The project that `--project` names, if it names one. */
async function ownProject(session: Session, command: Command): Promise<{ projectId?: string }> {
  const { project } = command.optsWithGlobals<GlobalOptions>();
  return project === undefined ? {} : { projectId: await session.projectId(project) };
}

function addMove(text: string, moves: UpdateOptions["move"] = []): UpdateOptions["move"] {
  const [, stage, order] = /^(.+)=(\d{1,2})$/.exec(text) ?? [];
  if (stage === undefined || order === undefined) throw new InvalidArgumentError("It must be stage=order.");
  return [...moves, [stage, Number(order)]];
}
