import type { Command } from "commander";
import { Deadline } from "../../core/schedule/deadline.js";
import { formatMessage, type Environment, type GetRolloutResponse } from "../../sdk/index.js";
import { readClientTls } from "../shell/client-tls.js";
import { examples } from "../shell/help.js";
import { assertReady, serverVersion } from "../shell/probe.js";
import { serverUrl, Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime } from "../shell/table.js";

const HELP = `
Asks whether the server is ready, and then what is active in each environment of the project, since when, whether it is held, and how
many live instances applied it, are behind, rejected it or have not reported; to an operator also how many nodes are live, when there
are several (signet nodes). Exit code 7 if the server cannot serve requests.
`;

/** An environment with how far its active bundle has come. */
interface Row {
  readonly environment: Environment;
  readonly rollout: GetRolloutResponse;
}

/** `signet status`: the server, and each environment of a project with its fleet. */
export function addStatus(program: Command, shell: Shell): void {
  program
    .command("status")
    .description("show the server, and what is active in each environment of the project")
    .addHelpText("after", HELP + examples("signet status", "signet status --project shop --json"))
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const url = serverUrl(options);
      // Before the token is looked for: whether the server runs is the first question.
      shell.called = { url, adminTokenFile: undefined };
      const tls = readClientTls(options);
      using deadline = new Deadline(options.timeout * 1000, shell.io.signal);
      const { signal } = deadline;
      await assertReady(url, tls, signal);
      const version = await serverVersion(url, tls, signal);
      using session = Session.open(shell, command);
      const path = await session.project();
      const [organization, project, rows, liveNodes] = await Promise.all([
        session.client.organizations.getOrganization({ orgId: path.orgId }),
        session.client.organizations.getProject(path),
        rowsOf(session, path),
        countLiveNodes(session),
      ]);
      shell.answer(
        () =>
          `{"url":${JSON.stringify(url)},"ready":true,"version":${JSON.stringify(version)},"live_nodes":${liveNodes},` +
          `"organization":${formatMessage(organization)},"project":${formatMessage(project)},` +
          `"environments":[${rows.map(jsonOf).join(",")}]}`,
        () =>
          formatFacts([
            ["server", `${url}, ready, version ${version ?? "unknown"}`],
            ...(liveNodes === null || liveNodes < 2 ? [] : [["nodes", `${liveNodes} live`] as const]),
            ["context", shell.context?.name],
            ["organization", organization.slug],
            ["project", project.slug],
          ]) +
          "\n" +
          formatTable(
            rows,
            [
              ["ENVIRONMENT", ({ environment }) => environment.name],
              ["ACTIVE", ({ environment }) => environment.activeVersion],
              ["SEQUENCE", ({ environment }) => environment.sequence],
              ["SINCE", ({ rollout }) => formatTime(rollout.activeSince)],
              ["APPLIED", ({ rollout }) => rollout.applied],
              ["BEHIND", ({ rollout }) => rollout.behind],
              ["REJECTED", ({ rollout }) => rollout.rejected],
              ["UNKNOWN", ({ rollout }) => rollout.unknown],
              ["HELD", ({ environment: { hold } }) => hold && `by ${hold.by} ${hold.reason ?? ""}`.trimEnd()],
            ],
            shell.tableStyle,
          ),
      );
    });
}

function jsonOf({ environment, rollout }: Row): string {
  return `{"environment":${formatMessage(environment)},"rollout":${formatMessage(rollout)}}`;
}

/** The number of server processes that are live; null for a token that is no operator's, which may not ask. */
async function countLiveNodes(session: Session): Promise<number | null> {
  const { operator } = await session.whoAmI();
  if (!operator) return null;
  const { data: nodes } = await session.client.system.listNodes({});
  return nodes.filter(({ state }) => state === "live").length;
}

/** One call for each environment, one after the other: a project may have many. */
async function rowsOf(
  { client }: Session,
  path: { readonly orgId: string; readonly projectId: string },
): Promise<readonly Row[]> {
  const { environments } = await client.organizations.listEnvironments(path);
  const rows: Row[] = [];
  for (const environment of environments) {
    // The counts are shown, not the instances.
    const request = { ...path, envName: environment.name, limit: 1 };
    rows.push({ environment, rollout: await client.runtimes.getRollout(request) });
  }
  return rows;
}
