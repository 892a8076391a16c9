import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";

/** `signet runtimes`: the instances that enforce an environment's bundle. */
export function addRuntimes(program: Command, shell: Shell): void {
  program
    .command("runtimes")
    .description("list the instances of an environment and what they applied, last seen first")
    .option("--limit <count>", "at most so many", wholeNumber(1, 100), 25)
    .option("--offset <count>", "leave out the first", wholeNumber(0), 0)
    .option("--source <address>", "only those that were last seen at this address")
    .action(async (page: { limit: number; offset: number; source?: string }, command: Command) => {
      using session = Session.open(shell, command);
      const answer = await session.inEnvironment((environment) =>
        session.client.runtimes.listRuntimes({ ...environment, ...page }),
      );
      shell.answer(
        () => formatMessage(answer),
        () =>
          formatTable(
            answer.data,
            [
              ["INSTANCE", ({ instanceId }) => instanceId],
              ["STATE", ({ state }) => state],
              ["SEQUENCE", ({ appliedSequence }) => appliedSequence],
              ["VERSION", ({ appliedVersion }) => appliedVersion],
              ["BEHIND", ({ behindBy }) => behindBy],
              ["LAST SEEN", ({ lastSeen }) => formatTime(lastSeen)],
              ["SOURCE", ({ source }) => source],
              ["AGENT", ({ agent }) => agent],
              ["TOKEN", ({ keyPrefix }) => keyPrefix],
              ["REASON", ({ reason }) => reason],
            ],
            shell.color,
          ),
      );
      noticeMore(shell, page.offset + answer.data.length, answer.total, "--limit or --offset");
    });
}
