import type { Command } from "commander";
import type { ChangeGuards } from "../sdk/index.js";
import { answerBundle } from "./shell/bundle-output.js";
import { guardedBy, withGuards } from "./shell/guard-options.js";
import { wholeNumber } from "./shell/numbers.js";
import { Session } from "./shell/session.js";
import type { Shell } from "./shell/shell.js";

/** `signet activate`: pins a kept version. */
export function addActivate(program: Command, shell: Shell): void {
  withGuards(program.command("activate"))
    .description("make a kept version the active one (pin, roll back)")
    .argument("<version>", "its number", wholeNumber(1))
    .action(async (version: number, options: ChangeGuards, command: Command) => {
      using session = Session.open(shell, command);
      await session.inEnvironment(async (environment) => {
        const bundle = await session.client.bundles.activateBundle({ ...environment, version }, guardedBy(options));
        answerBundle(shell, "activated", environment.envName, bundle);
      });
    });
}
