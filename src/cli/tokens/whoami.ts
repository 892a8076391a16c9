import type { Command } from "commander";
import { answerFacts } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";

/** `signet whoami`: the type, scopes and owner of the token. */
export function addWhoami(program: Command, shell: Shell): void {
  program
    .command("whoami")
    .description("show the token's type, scopes, organization, project and environment")
    .addHelpText("after", examples("signet whoami"))
    .action(
      inSession(shell, async (session) => {
        const me = await session.whoAmI();
        answerFacts(shell, me, [
          ["token", me.id],
          ["name", me.name],
          ["prefix", me.keyPrefix],
          ["type", me.keyType],
          ["scopes", me.scopes.join(" ")],
          ["organization", me.orgId],
          ["project", me.projectId],
          ["environment", me.environment],
          ["expires", formatTime(me.expiresAt) ?? "never"],
          ["server version", me.serverVersion],
        ]);
      }),
    );
}
