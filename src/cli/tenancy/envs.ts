import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { SignetError, type Environment } from "../../sdk/index.js";
import { answerChange, answerRow, answerRows } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import {
  confirmDeletion,
  requireConfirmable,
  withDeletion,
  withForce,
  type ForcedDeletionOptions,
} from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatActor, formatTime, type Column } from "../shell/table.js";
import { environmentFacts } from "./deletion-facts.js";

interface StageOptions {
  readonly protected?: boolean;
  readonly position?: number;
  /** False for none. */
  readonly promotesTo?: string | false;
  readonly signingKey?: string;
}

interface CreateOptions extends StageOptions {
  readonly restoreLinks?: true;
}

const CREATE_HELP = `
An environment that has the name of a deleted one of the project continues its versions and sequences, so that runtimes take what comes
as newer.
`;

const DELETE_HELP = `
Asks for confirmation on a terminal; elsewhere it needs --yes. A protected environment is not deleted: lift that first, with
signet envs update <name> --no-protected. Nor is one with live runtimes, without --force. Environments that promoted to it promote to
none; its newest version and sequence are remembered.
`;

/** `signet envs`: the environments of a project. */
export function addEnvs(program: Command, shell: Shell): void {
  const envs = program
    .command("envs")
    .description("list, create, update, release and delete the environments of a project")
    .addHelpText("after", examples("signet envs list", "signet envs create canary --promotes-to prod"));
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
    .option("--restore-links", "link it as the deleted environment of this name was, or as dev, staging and prod are")
    .addHelpText(
      "after",
      CREATE_HELP +
        examples(
          "signet envs create canary --position 2 --promotes-to prod",
          "signet envs create staging --position 1 --restore-links",
        ),
    )
    .action(
      inSession(shell, async (session, name: string, { restoreLinks, ...options }: CreateOptions) => {
        const { position, promotesTo, signingKey, protected: isProtected } = options;
        // Empty is no next stage; absent is the default for the name.
        const stage = defined({ position, promotesTo: promotesTo === false ? "" : promotesTo, signingKey });
        const request = {
          ...{ ...(await session.project()), name, restoreLinks: restoreLinks === true },
          ...{ ...stage, ...defined({ protected: isProtected }) },
        };
        answerRow(shell, await session.client.organizations.createEnvironment(request), COLUMNS);
      }),
    );
  withStage(envs.command("update"))
    .description("update an environment: its position, next stage, signing key or protection")
    .argument("<name>", "name of the environment")
    .addHelpText(
      "after",
      examples(
        "signet envs update prod --protected",
        "signet envs update prod --no-promotes-to --signing-key environment",
      ),
    )
    .action(async (envName: string, options: StageOptions, command: Command) => {
      const { position, promotesTo, signingKey, protected: isProtected } = options;
      const fields = { position, promotes_to: promotesTo, signing_key: signingKey, protected: isProtected };
      const paths = Object.keys(defined(fields));
      if (paths.length === 0) {
        throw new UsageError(
          "nothing to update: pass --position, --promotes-to, --no-promotes-to, --signing-key, --protected or --no-protected",
        );
      }
      using session = Session.open(shell, command);
      // A field that the mask names and the request does not set is cleared.
      const stage = defined({ position, promotesTo: promotesTo === false ? undefined : promotesTo, signingKey });
      const changes = { ...stage, ...defined({ protected: isProtected }) };
      const request = { ...(await session.project()), envName, ...changes, updateMask: { paths } };
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
  withForce(withDeletion(envs.command("delete")))
    .description("delete an environment with its bundles and tokens, after confirmation")
    .argument("<name>", "name of the environment")
    .addHelpText(
      "after",
      DELETE_HELP +
        examples("signet envs delete canary", 'signet envs delete canary --yes --force --reason "trial is over"'),
    )
    .action(
      inSession(shell, async (session, envName: string, options: ForcedDeletionOptions) => {
        requireConfirmable(shell, options);
        await session.inEnvironment(async (path) => {
          const { organizations } = session.client;
          await confirmDeletion(shell, options, `environment "${envName}"`, async () => {
            const environment = await organizations.getEnvironment(path);
            refuseProtected(environment);
            return await environmentFacts(session.client, path, environment);
          });
          const { force = false, reason } = options;
          await organizations.deleteEnvironment({ ...path, force, ...defined({ reason }) });
        }, envName);
        answerChange(shell, "deleted", "environment", envName);
      }),
    );
}

/** Before a person is asked: the server would refuse the deletion after the answer. */
function refuseProtected(environment: Environment): void {
  if (!environment.protected) return;
  const { name } = environment;
  throw new SignetError("conflict", `"${name}" is protected: lift it with signet envs update ${name} --no-protected`);
}

function withStage(command: Command): Command {
  return command
    .option("--position <n>", "position in the project, from 0", wholeNumber(0))
    .option("--promotes-to <env>", "next stage")
    .option("--no-promotes-to", "no next stage")
    .option("--protected", "refuse its deletion")
    .option("--no-protected", "allow its deletion")
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
  ["PROTECTED", (environment) => environment.protected],
  ["SIGNING KEY", ({ signingKey }) => signingKey],
  [
    "HELD",
    ({ hold }) =>
      hold &&
      `by ${formatActor({ ...defined({ name: hold.byName }), prefix: hold.by }, hold.by)} since ${formatTime(hold.since)} ${hold.reason ?? ""}`,
  ],
  ["ID", ({ id }) => id],
];
