import type { Command } from "commander";
import { formatMessage, type Release, type ReleaseSubject } from "../../sdk/index.js";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime, type Column } from "../shell/table.js";
import { readRelease } from "./release-file.js";

const SUBJECTS: readonly Column<ReleaseSubject>[] = [
  ["ENVIRONMENT", ({ environment }) => environment],
  ["SIGNED", ({ threshold, signedBy }) => (threshold === 0 ? null : `${signedBy.length} of ${threshold}`)],
  ["READY", ({ ready }) => ready],
  ["MISSING", ({ missing }) => missing],
];

const RELEASES: readonly Column<Release>[] = [
  ["NUMBER", ({ number }) => number],
  ["DIGEST", ({ digest }) => digest.slice(0, 16)],
  ["CREATED", ({ createdAt }) => formatTime(createdAt)],
  ["EXPIRES", ({ expiresAt }) => formatTime(expiresAt)],
  [
    "READY",
    ({ subjects, subjectCount: count }) => namesOf(subjects.filter(({ ready }) => ready)) + ofMore(subjects, count),
  ],
  ["NOT READY", ({ subjects }) => namesOf(subjects.filter(({ ready }) => !ready))],
  ["PROBLEM", ({ problem }) => problem],
];

const HELP = `
The server keeps it, and finds it by its content: a publish, a promotion, an activation or an import of that content needs nothing more.
Authors can upload one after another; their signatures add up. signet publish --release does both in one step.
`;

/** `signet release upload` and `list`: the releases that a server keeps. */
export function addReleaseUpload(release: Command, shell: Shell): void {
  release
    .command("upload")
    .description("give a signed release to the server")
    .argument("<release>", "file of the release")
    .addHelpText("after", HELP + examples("signet release upload release.json"))
    .action(async (file: string, _: unknown, command: Command) => {
      // Before the session: a file that cannot be used is reported without a token or a server.
      const { envelope, release: statement } = await readRelease(file, shell.io);
      const { orgId, projectId } = statement;
      using session = Session.open(shell, command);
      const kept = await session.client.trust.uploadRelease({ orgId, projectId, envelope });
      shell.answer(
        () => formatMessage(kept),
        () => {
          const facts = [
            ["release", kept.number],
            ["digest", kept.digest],
            ["problem", kept.problem],
          ] as const;
          return `${formatFacts(facts)}${formatTable(kept.subjects, SUBJECTS, shell.tableStyle)}`;
        },
      );
    });
  withPage(release.command("list"))
    .description("list the releases that the server has, the highest number first")
    .addHelpText("after", examples("signet release list --limit 10"))
    .action(
      inSession(shell, async (session, { limit, offset }: PageOptions) => {
        const page = await session.client.trust.listReleases({ ...(await session.project()), limit, offset });
        answerPage(shell, page, offset, RELEASES);
      }),
    );
}

/** A list has the first environments of a release alone. */
function ofMore({ length }: readonly ReleaseSubject[], count: number): string {
  return count > length ? ` (of the first ${length} of ${count})` : "";
}

function namesOf(subjects: readonly ReleaseSubject[]): string {
  return subjects.map(({ environment }) => environment).join(" ");
}
