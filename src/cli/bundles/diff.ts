import type { Command } from "commander";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { answerPatch } from "../shell/patch-output.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

/** `signet diff`: the difference between two versions of an environment. */
export function addDiff(program: Command, shell: Shell): void {
  program
    .command("diff")
    .description("show the changes from one version's policies to another's (JSON Patch, RFC 6902)")
    .argument("<from>", "version number", wholeNumber(1))
    .argument("<to>", "version number", wholeNumber(1))
    .addHelpText("after", examples("signet diff 2 3 --env dev"))
    .action(
      inSession(shell, async (session, version: number, otherVersion: number) => {
        const { patch } = await session.inEnvironment((environment) =>
          session.client.bundles.diffBundles({ ...environment, version, otherVersion }),
        );
        answerPatch(shell, patch);
      }),
    );
}
