import type { Command } from "commander";
import type { ChangeGuards } from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { checkWait, WAIT_HELP, waitIfAsked, withWait, type WaitOptions } from "../shell/rollout-wait.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { answerBundle } from "./bundle-output.js";
import { previewedFiles } from "./file-difference.js";
import { guardedBy, heldBy, withDryRun, withGuards, withHold } from "./options.js";
import type { HoldOptions, PreviewOptions } from "./options.js";

interface Options extends PreviewOptions, ChangeGuards, HoldOptions, WaitOptions {}

/** `signet activate`: makes a kept version the active one, without a new version. */
export function addActivate(program: Command, shell: Shell): void {
  withWait(withHold(withDryRun(withGuards(program.command("activate")))))
    .description("activate a kept version: pin it, or roll back to it")
    .argument("<version>", "version number", wholeNumber(1))
    .addHelpText("after", WAIT_HELP + examples('signet activate 7 --env prod --hold --reason "incident 311"'))
    .action(
      inSession(shell, async (session, version: number, options: Options) => {
        checkWait(options, options.dryRun !== true);
        await session.inEnvironment(async (environment) => {
          const request = { ...environment, version, dryRun: options.dryRun === true, ...heldBy(options) };
          const bundle = await session.client.bundles.activateBundle(request, guardedBy(options));
          const after = { ...environment, version: bundle.version };
          const files = await previewedFiles({ shell, session }, bundle, environment, after);
          const done = options.hold === true ? "activated and held" : "activated";
          answerBundle(shell, done, environment.envName, bundle, files);
          await waitIfAsked({ shell, session, environment, sequence: bundle.sequence }, options);
        });
      }),
    );
}
