import type { Command } from "commander";
import type { ChangeGuards } from "../../sdk/index.js";
import { answerBundle } from "./bundle-output.js";
import { guardedBy, heldBy, type HoldOptions, withGuards, withHold } from "./options.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

/** `signet activate`: pins a kept version. */
export function addActivate(program: Command, shell: Shell): void {
  withHold(withGuards(program.command("activate")))
    .description("make a kept version the active one (pin, roll back)")
    .argument("<version>", "its number", wholeNumber(1))
    .action(async (version: number, options: ChangeGuards & HoldOptions, command: Command) => {
      using session = Session.open(shell, command);
      await session.inEnvironment(async (environment) => {
        const request = { ...environment, version, ...heldBy(options) };
        const bundle = await session.client.bundles.activateBundle(request, guardedBy(options));
        answerBundle(shell, options.hold === true ? "activated and held" : "activated", environment.envName, bundle);
      });
    });
}
