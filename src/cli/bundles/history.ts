import { Option, type Command } from "commander";
import { DEPLOYMENT_KINDS } from "../../core/bundle.js";
import { defined } from "../../core/defined.js";
import { timestampFromDate, type Deployment } from "../../sdk/index.js";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { instant, wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatActor, formatTime } from "../shell/table.js";

interface Options extends PageOptions {
  readonly allEnvs?: true;
  readonly kind?: string;
  readonly actor?: string;
  readonly version?: number;
  readonly since?: Date;
  readonly until?: Date;
}

const HELP = `
WHAT is the version that became active, and the one that it replaced. FROM is where it came from: the environment and version of a
promotion, and the revision of the source. WHO is the name of the token, with its prefix. --json has every field.
`;

/** Characters of a Git commit that are shown. */
const COMMIT_CHARACTERS = 12;

/** `signet history`: what became active in an environment, from where, by whom and why. */
export function addHistory(program: Command, shell: Shell): void {
  withPage(program.command("history"))
    .option("--version <version>", "only the activations of this version", wholeNumber(1))
    .description("show what became active in an environment, from where, by whom and why, newest first")
    .option("--all-envs", "of all environments of the project")
    .addOption(new Option("--kind <kind>", "only activations of this kind").choices(DEPLOYMENT_KINDS))
    .option("--actor <token>", "only those of this token: its prefix, name or id")
    .option("--since <time>", "only those from this time on: ISO 8601, for example 2026-04-22T12:00Z", instant)
    .option("--until <time>", "only those up to this time", instant)
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet history --env prod",
          "signet history --env prod --limit 5 --json",
          'signet history --all-envs --kind rollback --actor "deploy bot" --since 2026-04-22',
        ),
    )
    .action(
      inSession(shell, async (session, { allEnvs, since, until, ...asked }: Options) => {
        if (allEnvs === true && program.getOptionValueSource("env") === "cli")
          throw new UsageError("--env and --all-envs exclude each other");
        const filter = defined({
          since: since && timestampFromDate(since),
          until: until && timestampFromDate(until),
        });
        const { bundles } = session.client;
        const answer =
          allEnvs === true
            ? await bundles.listDeployments({
                ...{ orgId: await session.orgId(), projectId: await session.projectId(), ...asked, ...filter },
              })
            : await session.inEnvironment((path) => bundles.listDeployments({ ...path, ...asked, ...filter }));
        answerPage(shell, answer, asked.offset, [
          ...(allEnvs === true ? [["ENV", ({ environment }: Deployment) => environment] as const] : []),
          ["WHEN", ({ at }) => formatTime(at)],
          ["SEQUENCE", ({ sequence }) => sequence],
          ["WHAT", whatOf],
          ["FROM", fromOf],
          ["WHO", ({ performedBy, actor }) => formatActor(performedBy, actor)],
          ["WHY", ({ reason }) => reason],
          ["TITLE", ({ title }) => title],
        ]);
      }),
    );
}

function whatOf({ kind, version, fromVersion }: Deployment): string {
  return fromVersion === undefined ? `${kind} ${version}` : `${kind} ${version} (was ${fromVersion})`;
}

function fromOf({ projectId, sourceProjectId, sourceEnvironment, sourceVersion, sourceRevision }: Deployment): string {
  // A pipeline promotes between projects too.
  const project = sourceProjectId === undefined || sourceProjectId === projectId ? "" : `${sourceProjectId}/`;
  const stage = sourceEnvironment === undefined ? "" : `${project}${sourceEnvironment} ${sourceVersion ?? ""}`.trim();
  const isCommit = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/.test(sourceRevision ?? "");
  const revision = isCommit ? sourceRevision?.slice(0, COMMIT_CHARACTERS) : sourceRevision;
  return [stage, revision].filter(Boolean).join(", ");
}
