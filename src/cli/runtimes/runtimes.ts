import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { ROLLOUT_STATES } from "../../core/runtime-instance.js";
import { formatMessage, type FleetSummary, type RuntimeInstance } from "../../sdk/index.js";
import { answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime, type Column } from "../shell/table.js";

interface Options extends PageOptions {
  readonly allProjects?: true;
  readonly allEnvs?: true;
  readonly state?: string;
  readonly behind?: true;
  readonly rejected?: true;
  readonly connected?: true;
  readonly notConnected?: true;
  readonly live?: true;
  readonly applied?: number;
  readonly label?: string;
  readonly source?: string;
  readonly agent?: string;
  readonly text?: string;
  readonly instance?: string;
  readonly by?: string;
}

const HELP = `
ROLLOUT compares an instance with what is active in its environment: applied, rejected, behind, or unknown (it has reported nothing).
CONNECTED: its watch or held poll is open. Live: connected, or its watch ended less than a minute ago, or seen in the last 5 minutes.
`;

/** `signet runtimes`: the instances that enforce bundles. */
export function addRuntimes(program: Command, shell: Shell): void {
  withPage(program.command("runtimes"))
    .description(
      "list runtime instances and what they applied, last seen first in each environment; without --env of all environments",
    )
    .option("--all-envs", "instances of all environments, also when the context or SIGNET_ENV names one")
    .option("--all-projects", "instances of all projects")
    .addOption(new Option("--state <state>", "only instances in this rollout state").choices(ROLLOUT_STATES))
    .addOption(new Option("--behind", "only instances that are behind what is active").conflicts("state"))
    .addOption(new Option("--rejected", "only instances that rejected what is active").conflicts(["state", "behind"]))
    .option("--connected", "only instances whose watch is open")
    .addOption(new Option("--not-connected", "only instances without an open watch").conflicts("connected"))
    .option("--live", "only live instances")
    .option("--applied <version>", "only instances that applied this version last", wholeNumber(1))
    .option("--label <key=value>", "only instances with this label")
    .option("--source <address>", "only instances last seen at this address")
    .option("--agent <text>", "only instances whose agent begins with this")
    .option("--text <text>", "only instances with this in their id, agent, address, reason or labels")
    .addOption(new Option("--instance <id>", "only this instance").conflicts("by"))
    .option("--by <value>", "count instead, by environment, version, agent or label:<key>")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet runtimes --all-projects --live --rejected",
          "signet runtimes --env prod",
          "signet runtimes --env prod --by label:region",
        ),
    )
    .action(
      inSession(shell, async (session, options: Options) => {
        if (options.by !== undefined) {
          const { scope, envName, filter } = await asked(program, session, options);
          const request = { ...scope, ...filter, ...defined({ environment: envName }), groupBy: options.by };
          answerSummary(shell, await session.client.runtimes.getFleetSummary(request));
          return;
        }
        const [scope, answer] = await listed(program, session, options);
        const slugs = options.allProjects === true && !shell.json ? await projectSlugs(session, scope.orgId) : null;
        answerPage(shell, answer, options.offset, columnsOf(slugs));
      }),
    );
}

/** The scope and the filter that the options say, and the environment where one is meant. */
async function asked(program: Command, session: Session, options: Options) {
  const { allEnvs, allProjects, state, behind, rejected, connected, notConnected, live, ...others } = options;
  const isNamed = (name: "env" | "project") => program.getOptionValueSource(name) === "cli";
  if (allProjects === true && isNamed("project"))
    throw new UsageError("--project and --all-projects exclude each other");
  if (allEnvs === true && isNamed("env")) throw new UsageError("--env and --all-envs exclude each other");
  // What a context names is for one project; so is its environment.
  const isAny = allEnvs === true || (allProjects === true && !isNamed("env"));
  const envName = isAny ? undefined : session.options.env;
  const { applied: version, label, source, agent, text } = others;
  const wanted = rejected === true ? "rejected" : behind === true ? "behind" : state;
  const isConnected = connected === true ? true : notConnected === true ? false : undefined;
  const filter = defined({ state: wanted, connected: isConnected, live, version, label, source, agent, text });
  const scope = {
    orgId: await session.orgId(),
    projectId: allProjects === true ? "" : await session.projectId(),
  };
  return { scope, envName, filter };
}

async function listed(program: Command, session: Session, options: Options) {
  const { scope, envName, filter: wanted } = await asked(program, session, options);
  const { limit, offset, instance: instanceId, allProjects } = options;
  const filter = { ...wanted, limit, offset, ...defined({ instanceId }) };
  const { runtimes } = session.client;
  if (envName === undefined || allProjects === true) {
    return [scope, await runtimes.listFleet({ ...scope, ...filter, ...defined({ environment: envName }) })] as const;
  }
  const answer = await session.inEnvironment(
    async (path) => await runtimes.listFleet({ ...scope, ...filter, environment: path.envName }),
    envName,
  );
  return [scope, answer] as const;
}

/** Groups, and all of them together in the last row. */
function answerSummary(shell: Shell, summary: FleetSummary): void {
  const total = { value: "all", counts: summary.counts };
  shell.answer(
    () => formatMessage(summary),
    () =>
      formatTable(
        [...summary.groups.map(({ value, counts }) => ({ value: value ?? "-", counts })), total],
        [
          ["VALUE", ({ value }) => value],
          ["INSTANCES", ({ counts }) => counts?.instances],
          ["LIVE", ({ counts }) => counts?.live],
          ["APPLIED", ({ counts }) => counts?.applied],
          ["BEHIND", ({ counts }) => counts?.behind],
          ["REJECTED", ({ counts }) => counts?.rejected],
          ["UNKNOWN", ({ counts }) => counts?.unknown],
        ],
        shell.tableStyle,
      ),
  );
  if (summary.moreGroups) shell.notice("there are more groups: narrow the filter");
}

async function projectSlugs(session: Session, orgId: string): Promise<ReadonlyMap<string, string>> {
  const { projects } = await session.client.organizations.listProjects({ orgId });
  return new Map(projects.map(({ id, slug }) => [id, slug]));
}

function columnsOf(slugs: ReadonlyMap<string, string> | null): readonly Column<RuntimeInstance>[] {
  return [
    ...(slugs === null
      ? []
      : [["PROJECT", ({ projectId }: RuntimeInstance) => slugs.get(projectId) ?? projectId] as const]),
    ["ENV", ({ environment }) => environment],
    ["INSTANCE", ({ instanceId }) => instanceId],
    ["ROLLOUT", ({ rollout }) => rollout],
    ["CONNECTED", ({ connected }) => connected],
    ["STATE", ({ state }) => state],
    ["SEQUENCE", ({ appliedSequence }) => appliedSequence],
    ["VERSION", ({ appliedVersion }) => appliedVersion],
    ["BEHIND", ({ behindBy }) => behindBy],
    ["LAST SEEN", ({ lastSeen }) => formatTime(lastSeen)],
    ["SOURCE", ({ source }) => source],
    ["AGENT", ({ agent }) => agent],
    ["TOKEN", ({ keyName, keyPrefix }) => keyName ?? keyPrefix],
    ["REASON", ({ reason }) => reason],
  ];
}
