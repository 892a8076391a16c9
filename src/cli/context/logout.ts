import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { UsageError } from "../shell/cli-error.js";
import { readContexts, withContext, writeContexts } from "../shell/context-file.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { chosenName } from "./chosen.js";

const HELP = `
Removes the token from the context file; server, organization, project and environment stay. The token itself stays valid: revoke it
with signet token revoke if others may have it.
`;

/** `signet logout`: forgets the token of a context. */
export function addLogout(program: Command, shell: Shell): void {
  program
    .command("logout")
    .description("forget the token of the current context, or of --context")
    .addHelpText("after", HELP + examples("signet logout", "signet logout --context staging"))
    .action(async (_: unknown, command: Command) => {
      const contexts = readContexts(shell.io.environment);
      const chosen = chosenName(shell, command, contexts);
      if (chosen === undefined) throw new UsageError("there is no current context: pass --context");
      const { name, context } = chosen;
      const { token, ...rest } = context;
      if (token !== undefined) await writeContexts(shell.io.environment, withContext(contexts, name, rest));
      shell.answer(
        () => JSON.stringify({ logged_out: name, had_token: token !== undefined }),
        () => (token === undefined ? line`context ${name} has no token\n` : line`logged out of context ${name}\n`),
      );
    });
}
