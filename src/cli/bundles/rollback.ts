import type { Command } from "commander";
import { defined } from "../../core/defined.js";
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

interface Options extends PreviewOptions, ChangeGuards, HoldOptions, WaitOptions {
  readonly to?: number;
}

const HELP = `
Without --to, the target is the last active version below the current one that is still kept: a second rollback goes back further.
Without --hold, the next publication or promotion, for example by CI, replaces it at once.
`;

/** `signet rollback`: activates an earlier version. */
export function addRollback(program: Command, shell: Shell): void {
  withWait(withHold(withDryRun(withGuards(program.command("rollback")))))
    .description("activate an earlier version: by default the one that was active before")
    .option("--to <version>", "version to activate instead", wholeNumber(1))
    .addHelpText(
      "after",
      HELP +
        WAIT_HELP +
        examples(
          "signet rollback --env prod --dry-run",
          'signet rollback --env prod --reason "incident 311" --hold',
          "signet rollback --env prod --to 7",
        ),
    )
    .action(
      inSession(shell, async (session, options: Options) => {
        checkWait(options, options.dryRun !== true);
        await session.inEnvironment(async (environment) => {
          const { to: toVersion, dryRun = false } = options;
          const request = { ...environment, dryRun, ...defined({ toVersion }), ...heldBy(options) };
          const bundle = await session.client.bundles.rollbackBundle(request, guardedBy(options));
          const done = options.hold === true ? "rolled back and held" : "rolled back";
          const after = { ...environment, version: bundle.version };
          const files = await previewedFiles({ shell, session }, bundle, environment, after);
          answerBundle(shell, `${done}: activated`, environment.envName, bundle, files);
          await waitIfAsked({ shell, session, environment, sequence: bundle.sequence }, options);
        });
      }),
    );
}
