import type { Command } from "commander";
import { answerBundle } from "./bundle-output.js";
import { UsageError } from "../shell/cli-error.js";
import { guardedBy, withGuards } from "./options.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

interface Options extends GlobalOptions {
  readonly from?: string;
  readonly promotedBy?: string;
  readonly ifMatch?: number;
  readonly idempotencyKey?: string;
}

/** `signet promote`: publishes what is active in one stage to the next one. */
export function addPromote(program: Command, shell: Shell): void {
  withGuards(program.command("promote"))
    .description("publish what is active in an environment to its next stage, and make it active there")
    .option("--from <env>", "the environment to promote from; the same as --env")
    .option("--promoted-by <who>", "who promotes, in your words")
    .addHelpText("after", "\n--if-match is about the environment that changes: the next stage.")
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const sourceEnv = options.from ?? options.env;
      if (sourceEnv !== (options.env ?? sourceEnv)) throw new UsageError("--from and --env name two environments");
      if (sourceEnv === undefined) throw new UsageError("promote from which environment? Name it with --from");
      using session = Session.open(shell, command);
      const { promotedBy } = options;
      const by = promotedBy === undefined ? {} : { promotedBy };
      await session.inEnvironment(async ({ envName, ...project }) => {
        const request = { ...project, sourceEnv: envName, ...by };
        const bundle = await session.client.bundles.promoteBundle(request, guardedBy(options));
        const target = shell.json ? "" : await nextStage(session, { ...project, envName });
        answerBundle(shell, `promoted ${envName}: published and activated`, target, bundle);
      }, sourceEnv);
    });
}

async function nextStage(
  session: Session,
  source: { orgId: string; projectId: string; envName: string },
): Promise<string> {
  const { promotesTo } = await session.client.organizations.getEnvironment(source);
  return promotesTo ?? "the next stage";
}
