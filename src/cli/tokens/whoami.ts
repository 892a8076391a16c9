import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";

/** `signet whoami`: what the token is and may do. */
export function addWhoami(program: Command, shell: Shell): void {
  program
    .command("whoami")
    .description("tell what the token is and may do")
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const me = await session.whoAmI();
      shell.answer(
        () => formatMessage(me),
        () =>
          formatFacts([
            ["token", me.id],
            ["prefix", me.keyPrefix],
            ["type", me.keyType],
            ["scopes", me.scopes.join(" ")],
            ["organization", me.orgId],
            ["project", me.projectId],
            ["environment", me.environment],
          ]),
      );
    });
}
