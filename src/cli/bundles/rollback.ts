import type { Command } from "commander";
import type { ChangeGuards } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { checkWait, WAIT_HELP, waitIfAsked, withWait, type WaitOptions } from "../shell/rollout-wait.js";
import { inSession, type EnvironmentPath, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { answerBundle } from "./bundle-output.js";
import { guardedBy, heldBy, withGuards, withHold, type HoldOptions } from "./options.js";

interface Options extends ChangeGuards, HoldOptions, WaitOptions {
  readonly to?: number;
}

const HELP = `
Without --to, the target is the last active version below the current one. Without --hold, the next publication or promotion, for
example by CI, replaces it at once. Fails with exit code 5 if the environment changes in between, unless --if-match is given.
`;

/** `signet rollback`: activates an earlier version. */
export function addRollback(program: Command, shell: Shell): void {
  withWait(withHold(withGuards(program.command("rollback"))))
    .description("activate an earlier version: by default the one that was active before")
    .option("--to <version>", "version to activate instead", wholeNumber(1))
    .addHelpText("after", HELP + WAIT_HELP + examples('signet rollback --env prod --hold --reason "incident 311"'))
    .action(
      inSession(shell, async (session, options: Options) => {
        checkWait(options, true);
        await session.inEnvironment(async (environment) => {
          const { version, sequence } = await targetOf(session, environment, options.to);
          const guards = { ...options, ifMatch: options.ifMatch ?? sequence };
          const request = { ...environment, version, ...heldBy(options) };
          const bundle = await session.client.bundles.activateBundle(request, guardedBy(guards));
          const done = options.hold === true ? "rolled back and held" : "rolled back";
          answerBundle(shell, `${done}: activated`, environment.envName, bundle);
          await waitIfAsked({ shell, session, environment, sequence: bundle.sequence }, options);
        });
      }),
    );
}

/** The version to activate, and the newest sequence, which must not change meanwhile. Throws UsageError when there is none. */
async function targetOf(
  session: Session,
  environment: EnvironmentPath,
  to: number | undefined,
): Promise<{ version: number; sequence: number }> {
  const { data } = await session.client.bundles.listDeployments({ ...environment, limit: 100 });
  const [active] = data;
  if (active === undefined) throw new UsageError(`nothing was ever active in "${environment.envName}"`);
  if (to !== undefined) return { version: to, sequence: active.sequence };
  // Only below: a second rollback must not return to the version that the first one left.
  const before = data.find(({ version }) => version < active.version);
  if (before !== undefined) return { version: before.version, sequence: active.sequence };
  throw new UsageError(`"${environment.envName}" has no earlier version among its last 100 activations: pass --to`);
}
