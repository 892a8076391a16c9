import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import type { Environment } from "../../sdk/index.js";
import { formatActor } from "../shell/actor.js";
import { answerChange, answerRow, answerRows } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Column } from "../shell/table.js";

interface StageOptions {
  readonly position?: number;
  /** False for none. */
  readonly promotesTo?: string | false;
  readonly signingKey?: string;
}

/** `signet envs`: the environments of a project. */
export function addEnvs(program: Command, shell: Shell): void {
  const envs = program
    .command("envs")
    .description("list, create, update, release and delete the environments of a project");
  envs
    .command("list", { isDefault: true })
    .description("list environments, by position")
    .addHelpText("after", examples("signet envs --project default"))
    .action(
      inSession(shell, async (session) => {
        const { environments } = await session.client.organizations.listEnvironments(await session.project());
        answerRows(shell, environments, COLUMNS);
      }),
    );
  withStage(envs.command("create"))
    .description("create an environment")
    .argument("<name>", "a-z, 0-9 and dashes, at most 63 characters")
    .addHelpText("after", examples("signet envs create canary --position 2 --promotes-to prod"))
    .action(
      inSession(shell, async (session, name: string, { position, promotesTo, signingKey }: StageOptions) => {
        // Empty is no next stage; absent is the default for the name.
        const stage = defined({ position, promotesTo: promotesTo === false ? "" : promotesTo, signingKey });
        const request = { ...(await session.project()), name, ...stage };
        answerRow(shell, await session.client.organizations.createEnvironment(request), COLUMNS);
      }),
    );
  withStage(envs.command("update"))
    .description("update an environment: its position, next stage or signing key")
    .argument("<name>", "name of the environment")
    .addHelpText("after", examples("signet envs update prod --no-promotes-to --signing-key environment"))
    .action(async (envName: string, { position, promotesTo, signingKey }: StageOptions, command: Command) => {
      const fields = { position, promotes_to: promotesTo, signing_key: signingKey };
      const paths = Object.keys(defined(fields));
      if (paths.length === 0) {
        throw new UsageError("nothing to update: pass --position, --promotes-to, --no-promotes-to or --signing-key");
      }
      using session = Session.open(shell, command);
      // A field that the mask names and the request does not set is cleared.
      const stage = defined({ position, promotesTo: promotesTo === false ? undefined : promotesTo, signingKey });
      const request = { ...(await session.project()), envName, ...stage, updateMask: { paths } };
      answerRow(shell, await session.client.organizations.updateEnvironment(request), COLUMNS);
    });
  envs
    .command("release")
    .description("end a hold (signet activate --hold, signet rollback --hold)")
    .argument("<name>", "name of the environment")
    .addHelpText("after", examples("signet envs release prod"))
    .action(
      inSession(shell, async (session, envName: string) => {
        const request = { ...(await session.project()), envName };
        answerRow(shell, await session.client.organizations.releaseEnvironment(request), COLUMNS);
      }),
    );
  envs
    .command("delete")
    .description("delete an environment with its bundles and tokens, without confirmation")
    .argument("<name>", "name of the environment")
    .addHelpText("after", examples("signet envs delete canary"))
    .action(
      inSession(shell, async (session, envName: string) => {
        await session.client.organizations.deleteEnvironment({ ...(await session.project()), envName });
        answerChange(shell, "deleted", "environment", envName);
      }),
    );
}

function withStage(command: Command): Command {
  return command
    .option("--position <n>", "position in the project, from 0", wholeNumber(0))
    .option("--promotes-to <env>", "next stage")
    .option("--no-promotes-to", "no next stage")
    .addOption(
      new Option("--signing-key <owner>", "key that signs its bundles").choices(["organization", "environment"]),
    );
}

const COLUMNS: readonly Column<Environment>[] = [
  ["NAME", ({ name }) => name],
  ["POSITION", ({ position }) => position],
  ["PROMOTES TO", ({ promotesTo }) => promotesTo],
  ["ACTIVE", ({ activeVersion }) => activeVersion],
  ["SEQUENCE", ({ sequence }) => sequence],
  ["SIGNING KEY", ({ signingKey }) => signingKey],
  [
    "HELD",
    ({ hold }) =>
      hold &&
      `by ${formatActor({ ...defined({ name: hold.byName }), prefix: hold.by }, hold.by)} since ${formatTime(hold.since)} ${hold.reason ?? ""}`,
  ],
  ["ID", ({ id }) => id],
];
