import type { Command } from "commander";
import { wholeNumber } from "../shell/numbers.js";
import { formatPatch } from "../shell/patch-output.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

/** `signet diff`: what changed from one version to another. */
export function addDiff(program: Command, shell: Shell): void {
  program
    .command("diff")
    .description("show what turns the policies of one version into those of another, as JSON Patch (RFC 6902)")
    .argument("<from>", "a version", wholeNumber(1))
    .argument("<to>", "another one", wholeNumber(1))
    .action(async (version: number, otherVersion: number, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const { patch } = await session.inEnvironment((environment) =>
        session.client.bundles.diffBundles({ ...environment, version, otherVersion }),
      );
      shell.answer(
        () => patch,
        () => formatPatch(patch, shell.color),
      );
    });
}
