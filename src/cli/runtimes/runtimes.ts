import type { Command } from "commander";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";

/** `signet runtimes`: the instances that enforce an environment's bundle. */
export function addRuntimes(program: Command, shell: Shell): void {
  withPage(program.command("runtimes"))
    .description("list the runtime instances of an environment and what they applied, last seen first")
    .option("--source <address>", "only instances last seen at this address")
    .addHelpText("after", examples("signet runtimes --env prod"))
    .action(
      inSession(shell, async (session, options: PageOptions & { source?: string }) => {
        const answer = await session.inEnvironment((environment) =>
          session.client.runtimes.listRuntimes({ ...environment, ...options }),
        );
        answerPage(shell, answer, options.offset, [
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
        ]);
      }),
    );
}
