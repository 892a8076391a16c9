import { Option, type Command } from "commander";
import { line } from "../../core/printable.js";
import { snakeCase } from "../../core/snake-case.js";
import { formatMessage, formatMessages, type Environment } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";

/** The settings of an environment, as flags; false for one that is cleared by its `--no-…`. */
interface Settings {
  readonly position?: number;
  readonly promotesTo?: string | false;
  readonly signingKey?: string;
}

/** The settings as fields of a request: a cleared one is `cleared`, or left out. */
function given(settings: Settings, cleared?: ""): { [K in keyof Settings]?: Exclude<Settings[K], false> } {
  const fields = Object.entries(settings).map(([name, value]) => [name, value === false ? cleared : value] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** `signet envs`: the stages of a project. */
export function addEnvs(program: Command, shell: Shell): void {
  const envs = program
    .command("envs")
    .description("list, create, update, release and delete the environments of a project");
  envs
    .command("list", { isDefault: true })
    .description("list them, by position")
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const { environments } = await session.client.organizations.listEnvironments(await session.project());
      answerEnvironments(shell, environments, () => formatMessages(environments));
    });
  withStage(envs.command("create").description("make one").argument("<name>", "a-z, 0-9 and dashes")).action(
    async (name: string, settings: Settings, command: Command) => {
      using session = Session.open(shell, command);
      const request = { ...(await session.project()), name, ...given(settings, "") };
      const made = await session.client.organizations.createEnvironment(request);
      answerEnvironments(shell, [made], () => formatMessage(made));
    },
  );
  withStage(
    envs.command("update").description("change its position, next stage or key").argument("<name>", "its name"),
  ).action(async (envName: string, settings: Settings, command: Command) => {
    const paths = Object.keys(settings).map(snakeCase);
    if (paths.length === 0) {
      throw new UsageError("nothing to update: pass --position, --promotes-to, --no-promotes-to or --signing-key");
    }
    using session = Session.open(shell, command);
    // Named in the mask and not set: cleared.
    const request = { ...(await session.project()), envName, ...given(settings), updateMask: { paths } };
    const changed = await session.client.organizations.updateEnvironment(request);
    answerEnvironments(shell, [changed], () => formatMessage(changed));
  });
  envs
    .command("release")
    .description("end a hold (signet activate --hold, signet rollback --hold)")
    .argument("<name>", "its name")
    .action(async (envName: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const request = { ...(await session.project()), envName };
      const released = await session.client.organizations.releaseEnvironment(request);
      answerEnvironments(shell, [released], () => formatMessage(released));
    });
  envs
    .command("delete")
    .description("delete one with its bundles and tokens")
    .argument("<name>", "its name")
    .action(async (envName: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      await session.client.organizations.deleteEnvironment({ ...(await session.project()), envName });
      shell.answer(
        () => JSON.stringify({ deleted: envName }),
        () => line`deleted environment ${envName}\n`,
      );
    });
}

function withStage(command: Command): Command {
  return command
    .option("--position <n>", "order among its siblings, from 0", wholeNumber(0))
    .option("--promotes-to <env>", "the next stage")
    .option("--no-promotes-to", "it is the last stage")
    .addOption(
      new Option("--signing-key <whose>", "which key signs its bundles").choices(["organization", "environment"]),
    );
}

function answerEnvironments(shell: Shell, environments: readonly Environment[], json: () => string): void {
  shell.answer(json, () =>
    formatTable(
      environments,
      [
        ["NAME", ({ name }) => name],
        ["POSITION", ({ position }) => position],
        ["PROMOTES TO", ({ promotesTo }) => promotesTo],
        ["ACTIVE", ({ activeVersion }) => activeVersion],
        ["SEQUENCE", ({ sequence }) => sequence],
        ["SIGNING KEY", ({ signingKey }) => signingKey],
        [
          "HELD",
          ({ hold }) =>
            hold === undefined ? "" : `by ${hold.by} since ${formatTime(hold.since)} ${hold.reason ?? ""}`,
        ],
        ["ID", ({ id }) => id],
      ],
      shell.color,
    ),
  );
}
