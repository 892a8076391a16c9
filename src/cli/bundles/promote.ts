import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import type { ChangeGuards } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import type { ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { checkWait, WAIT_HELP, waitIfAsked, withWait, type WaitOptions } from "../shell/rollout-wait.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { answerBundle } from "./bundle-output.js";
import { previewedFiles } from "./file-difference.js";
import { guardedBy, withGuards, withPreview, withBundleReason, withSourceVersion } from "./options.js";
import type { PreviewOptions, SourceOptions } from "./options.js";

interface Options extends GlobalOptions, PreviewOptions, SourceOptions, ChangeGuards, ReasonOption, WaitOptions {
  readonly from?: string;
  readonly promotedBy?: string;
}

/** `signet promote`: publishes the active bundle of one stage to the next one. */
export function addPromote(program: Command, shell: Shell): void {
  withWait(withBundleReason(withSourceVersion(withPreview(withGuards(program.command("promote"))))))
    .description("publish the active bundle of an environment to its next stage, and activate it there")
    .option("--from <env>", "source environment; the same as --env")
    .option("--promoted-by <name>", "free text: person or system that promotes")
    .addHelpText("after", "\n--if-match applies to the target, the next stage.\n" + WAIT_HELP.trimEnd())
    .addHelpText(
      "after",
      examples("signet promote --from staging --dry-run", 'signet promote --from staging --reason "release 42"'),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const sourceEnv = options.from ?? options.env;
      // Only as a flag: the environment that a variable or a context suggests gives way to --from.
      const hasEnvFlag = command.parent?.getOptionValueSource("env") === "cli";
      if (hasEnvFlag && sourceEnv !== options.env) throw new UsageError("--from and --env name two environments");
      if (sourceEnv === undefined) throw new UsageError("no source environment given: pass --from");
      checkWait(options, options.dryRun !== true);
      using session = Session.open(shell, command);
      const { promotedBy, reason, sourceVersion, dryRun = false } = options;
      await session.inEnvironment(async (source) => {
        const { envName, ...project } = source;
        const request = { ...project, sourceEnv: envName, dryRun, ...defined({ promotedBy, reason, sourceVersion }) };
        const bundle = await session.client.bundles.promoteBundle(request, guardedBy(options));
        const next =
          shell.json && options.wait !== true ? undefined : await session.client.organizations.getEnvironment(source);
        const target = next?.promotesTo ?? "the next stage";
        const environment = { ...project, envName: target };
        const version = next?.activeVersion;
        const after = version === undefined ? null : { ...source, version };
        const files = after === null ? null : await previewedFiles({ shell, session }, bundle, environment, after);
        answerBundle(shell, `promoted ${envName}: published and activated`, target, bundle, files);
        await waitIfAsked({ shell, session, environment, sequence: bundle.sequence }, options);
      }, sourceEnv);
    });
}
