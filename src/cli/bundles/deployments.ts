import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";

/** `signet deployments`: the activations of an environment. */
export function addDeployments(program: Command, shell: Shell): void {
  program
    .command("deployments")
    .description("list the activations of an environment, newest first")
    .option("--limit <count>", "at most so many", wholeNumber(1, 100), 25)
    .option("--offset <count>", "leave out the newest", wholeNumber(0), 0)
    .action(async (page: { limit: number; offset: number }, command: Command) => {
      using session = Session.open(shell, command);
      const answer = await session.inEnvironment((environment) =>
        session.client.bundles.listDeployments({ ...environment, ...page }),
      );
      shell.answer(
        () => formatMessage(answer),
        () =>
          formatTable(
            answer.data,
            [
              ["SEQUENCE", ({ sequence }) => sequence],
              ["VERSION", ({ version }) => version],
              ["FROM", ({ fromVersion }) => fromVersion],
              ["KIND", ({ kind }) => kind],
              ["AT", ({ at }) => formatTime(at)],
              ["ACTOR", ({ actor }) => actor],
              ["POLICY HASH", ({ policyHash }) => policyHash.slice(0, 19)],
              ["DEPLOYMENT", ({ id }) => id],
            ],
            shell.color,
          ),
      );
      noticeMore(shell, page.offset + answer.data.length, answer.total, "--limit or --offset");
    });
}
