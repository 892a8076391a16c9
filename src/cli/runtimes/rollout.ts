import type { Command } from "commander";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { answerRollout, DEFAULT_WAIT_SECONDS } from "../shell/rollout-wait.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface Options {
  readonly wait?: true;
  readonly atLeast?: number;
}

const HELP = `
Exit code 0 when every live instance applied the active version, else 9, with a list of those that did not, and why. An instance is live
while its watch is open, for a minute after that, and for 5 minutes after a report: one that was stopped holds nothing up. With no live
instance there is nothing to wait for: exit code 0, unless --at-least asks for some.

With --wait it asks each second until all applied it (0), or one rejected it and the others have settled (9), or --timeout is over (9;
5m by default). A newer activation meanwhile is followed. An instance that never reports is "unknown" and counts as not applied.
`;

/** `signet rollout status`: how far what is active has come. */
export function addRollout(program: Command, shell: Shell): void {
  const rollout = program
    .command("rollout")
    .description("follow an activation to the runtimes")
    .addHelpText("after", examples("signet rollout status --env prod --wait"));
  rollout
    .command("status")
    .description("tell which live instances applied the active version of an environment, and which did not, and why")
    .option("--wait", "wait until all did, at most for --timeout")
    .option("--at-least <count>", "require that at least this many instances applied it", wholeNumber(0))
    .addHelpText(
      "after",
      HELP + examples("signet rollout status --env prod", "signet rollout status --env prod --wait --timeout 10m"),
    )
    .action(
      inSession(shell, async (session, { wait, atLeast = 0 }: Options) => {
        const isGiven = program.getOptionValueSource("timeout") === "cli";
        const waitSeconds = isGiven ? session.options.timeout : DEFAULT_WAIT_SECONDS;
        await session.inEnvironment((environment) =>
          answerRollout(shell, session, environment, { atLeast, timeoutSeconds: wait === true ? waitSeconds : 0 }),
        );
      }),
    );
}
