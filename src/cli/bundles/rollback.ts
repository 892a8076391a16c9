import type { Command } from "commander";
import type { ChangeGuards } from "../../sdk/index.js";
import { answerBundle } from "./bundle-output.js";
import { UsageError } from "../shell/cli-error.js";
import { guardedBy, heldBy, type HoldOptions, withGuards, withHold } from "./options.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session, type EnvironmentPath } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface Options extends ChangeGuards, HoldOptions {
  readonly to?: number;
}

const HELP = `
Without --to it goes back to the version below this one that was active last. Without --hold the next publication or promotion, from CI for
example, takes its place at once. A change that comes between is refused (exit code 5), unless --if-match says otherwise.`;

/** `signet rollback`: makes an earlier version active again. */
export function addRollback(program: Command, shell: Shell): void {
  withHold(withGuards(program.command("rollback")))
    .description("make an earlier version the active one again: by default the one that was active last")
    .option("--to <version>", "that version instead", wholeNumber(1))
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      using session = Session.open(shell, command);
      await session.inEnvironment(async (environment) => {
        const { version, sequence } = await targetOf(session, environment, options.to);
        const guards = { ...options, ifMatch: options.ifMatch ?? sequence };
        const request = { ...environment, version, ...heldBy(options) };
        const bundle = await session.client.bundles.activateBundle(request, guardedBy(guards));
        const done = options.hold === true ? "rolled back and held" : "rolled back";
        answerBundle(shell, `${done}: activated`, environment.envName, bundle);
      });
    });
}

/** The version to go back to, and the newest sequence, which must not change meanwhile. */
async function targetOf(
  session: Session,
  environment: EnvironmentPath,
  to: number | undefined,
): Promise<{ version: number; sequence: number }> {
  const { data } = await session.client.bundles.listDeployments({ ...environment, limit: 100 });
  const [active] = data;
  if (active === undefined) throw new UsageError(`nothing was ever active in "${environment.envName}"`);
  if (to !== undefined) return { version: to, sequence: active.sequence };
  // Only below: what was rolled back from is not what a second rollback means.
  const before = data.find(({ version }) => version < active.version);
  if (before !== undefined) return { version: before.version, sequence: active.sequence };
  throw new UsageError(`no earlier version was active in "${environment.envName}" lately: name one with --to`);
}
