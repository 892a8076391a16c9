import type { Command } from "commander";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";

/** `signet deployments`: the activations of an environment. */
export function addDeployments(program: Command, shell: Shell): void {
  withPage(program.command("deployments"))
    .option("--version <version>", "only the activations of this version", wholeNumber(1))
    .description("list the activations of an environment, newest first")
    .addHelpText("after", examples("signet deployments --env prod"))
    .action(
      inSession(shell, async (session, page: PageOptions & { readonly version?: number }) => {
        const answer = await session.inEnvironment((environment) =>
          session.client.bundles.listDeployments({ ...environment, ...page }),
        );
        answerPage(shell, answer, page.offset, [
          ["SEQUENCE", ({ sequence }) => sequence],
          ["VERSION", ({ version }) => version],
          ["FROM", ({ fromVersion }) => fromVersion],
          ["KIND", ({ kind }) => kind],
          ["AT", ({ at }) => formatTime(at)],
          ["ACTOR", ({ actor }) => actor],
          ["POLICY HASH", ({ policyHash }) => policyHash.slice(0, 19)],
          ["DEPLOYMENT", ({ id }) => id],
        ]);
      }),
    );
}
