import type { Command } from "commander";
import { JSON_POLICIES, OPA_POLICIES } from "../../core/bundle.js";
import { line } from "../../core/printable.js";
import { defined } from "../../core/defined.js";
import { formatMessage, type ComparedBundle, type CompareBundlesResponse } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatDifference } from "./difference-output.js";
import { fileDifference } from "./file-difference.js";

interface Options extends GlobalOptions {
  readonly from?: string;
  readonly to?: string;
}

/** A comparison, and the project that it is of. */
interface ComparedIn {
  readonly project: { readonly orgId: string; readonly projectId: string };
  readonly compared: CompareBundlesResponse;
}

const HELP = `
With --from and --to: what promoting the active bundle of one environment to the other would change there.
With one version: the changes from it to the active version of --env. With two: the changes from the first to the second.
Rego for OPA is compared by files, line by line.
--json prints both sides and the changes; with two versions, as ever, a JSON Patch (RFC 6902) of the policies.`;

/** `signet diff`: the difference between two environments, or two versions of one. */
export function addDiff(program: Command, shell: Shell): void {
  program
    .command("diff")
    .description("show what differs between two environments or two versions: old and new values")
    .argument("[version]", "version number in --env", wholeNumber(1))
    .argument("[other]", "version number in --env (default: the active one)", wholeNumber(1))
    .option("--from <env>", "environment that would be promoted")
    .option("--to <env>", "environment that it would be promoted to (default: the next stage)")
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples("signet diff --from staging --to prod", "signet diff 2 3 --env dev", "signet diff 2 --env dev"),
    )
    .action(async (version: number | undefined, other: number | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      // An environment that a variable or a context suggests gives way to --from.
      const hasEnvFlag = command.parent?.getOptionValueSource("env") === "cli";
      checkUsage(version, options, hasEnvFlag);
      using session = Session.open(shell, command);
      if (version === undefined) return await answer(shell, session, await betweenStages(session, options));
      if (other !== undefined && shell.json) return await answerPatch(shell, session, version, other);
      const compared = await session.inEnvironment(async ({ envName, ...project }) => ({
        project,
        compared: await session.client.bundles.compareBundles({
          ...{ ...project, fromEnv: envName, fromVersion: version },
          ...defined({ toVersion: other }),
        }),
      }));
      await answer(shell, session, compared);
    });
}

function checkUsage(version: number | undefined, { from, to, env }: Options, hasEnvFlag: boolean): void {
  const isBetween = from !== undefined || to !== undefined;
  if (version !== undefined && isBetween)
    throw new UsageError("pass either versions of --env, or the environments --from and --to");
  if (version !== undefined) return;
  if (from === undefined) throw new UsageError("nothing to compare: pass --from and --to, or versions of --env");
  if (hasEnvFlag && env !== from) throw new UsageError("--from and --env name two environments");
  if (from === to) throw new UsageError("--from and --to name the same environment");
}

async function betweenStages(session: Session, { from = "", to }: Options): Promise<ComparedIn> {
  return await session.inEnvironment(async (source) => {
    const { envName: fromEnv, ...project } = source;
    const toEnv = to ?? (await session.client.organizations.getEnvironment(source)).promotesTo;
    if (toEnv === undefined) throw new UsageError(`"${fromEnv}" has no next stage: pass --to`);
    return await session.inEnvironment(
      async () => ({ project, compared: await session.client.bundles.compareBundles({ ...project, fromEnv, toEnv }) }),
      toEnv,
    );
  }, from);
}

/** The policies alone, in the form that scripts apply. */
async function answerPatch(shell: Shell, session: Session, version: number, otherVersion: number): Promise<void> {
  const { patch } = await session.inEnvironment((environment) =>
    session.client.bundles.diffBundles({ ...environment, version, otherVersion }),
  );
  shell.answer(
    () => patch,
    () => patch,
  );
}

async function answer(shell: Shell, session: Session, { project, compared }: ComparedIn): Promise<void> {
  const { before, after, difference } = compared;
  const isOfFiles = after?.mediaType === OPA_POLICIES && before?.mediaType !== JSON_POLICIES;
  const at = (side: ComparedBundle | undefined) =>
    side === undefined ? null : { ...project, envName: side.environment, version: side.version };
  const files = shell.json || !isOfFiles ? null : await fileDifference(session, at(before), at(after), shell.color);
  shell.answer(
    () => formatMessage(compared),
    () => `${titleOf(before, after)}\n${files ?? formatDifference(difference, shell.color)}`,
  );
}

function titleOf(before: ComparedBundle | undefined, after: ComparedBundle | undefined): string {
  const isPromotion = before?.environment !== after?.environment;
  return `${sideName(before)} -> ${sideName(after)}${isPromotion ? ", as it would be promoted" : ""}`;
}

function sideName(side: ComparedBundle | undefined): string {
  if (side === undefined) return "nothing active";
  return line`${side.environment} version ${side.version}${side.isActive ? " (active)" : ""}`;
}
