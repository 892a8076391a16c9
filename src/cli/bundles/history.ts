import type { Command } from "commander";
import type { Deployment } from "../../sdk/index.js";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatActor, formatTime } from "../shell/table.js";

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
    .addHelpText("after", HELP + examples("signet history --env prod", "signet history --env prod --limit 5 --json"))
    .action(
      inSession(shell, async (session, page: PageOptions & { readonly version?: number }) => {
        const answer = await session.inEnvironment((environment) =>
          session.client.bundles.listDeployments({ ...environment, ...page }),
        );
        answerPage(shell, answer, page.offset, [
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
