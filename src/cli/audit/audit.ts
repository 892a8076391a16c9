import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { formatMessage, timestampFromDate } from "../../sdk/index.js";
import { answerRows, countingTotal, noticeMore } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { instant, wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatActor, formatTime } from "../shell/table.js";
import { addAuditCheckpoint } from "./audit-checkpoint.js";
import { addAuditProve } from "./audit-prove.js";
import { addAuditVerify } from "./audit-verify.js";

interface ListOptions {
  readonly limit: number;
  readonly before?: number;
  readonly after?: number;
  readonly actor?: string;
  readonly action?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly resourceType?: string;
  readonly resourceId?: string;
  readonly source?: string;
}

const LIST_HELP = `
--env and --project are filters here: without them the whole organization is listed. WHO is the name of the token, with its prefix.
--json has every field, the metadata too.
`;

/** `signet audit`: the audit log. */
export function addAudit(program: Command, shell: Shell): void {
  const audit = program
    .command("audit")
    .description("list and verify the audit log, the record of every state change")
    .addHelpText("after", examples("signet audit list --limit 20", "signet audit verify"));
  audit
    .command("list")
    .description("list events, newest first; with --after oldest first")
    .option("--limit <count>", "show at most this many, up to 1000", wholeNumber(1, 1000), 50)
    .option("--before <id>", "only events below this number", wholeNumber(1))
    .option("--after <id>", "only events above this number", wholeNumber(0))
    .option("--actor <token>", "only events of this token: its prefix, name or id")
    .option("--action <action>", 'an action, or a prefix such as "bundle.*"')
    .option("--since <time>", "only events from this time on: ISO 8601, for example 2026-04-22T12:00Z", instant)
    .option("--until <time>", "only events up to this time", instant)
    .option("--resource-type <type>", "for example bundle")
    .option("--resource-id <id>", "only events about this resource")
    .option("--source <address>", "only events caused from this client address")
    .addHelpText(
      "after",
      LIST_HELP +
        examples(
          "signet audit list --env prod --since 2026-04-22",
          'signet audit list --actor "deploy bot" --action "bundle.*" --limit 20',
        ),
    )
    .action(
      inSession(shell, async (session, { since, until, ...options }: ListOptions, command: Command) => {
        const counting = countingTotal();
        const request = {
          ...{ orgId: await session.orgId(), ...options, ...(await placeOf(session, command)) },
          ...defined({
            since: since && timestampFromDate(since),
            until: until && timestampFromDate(until),
          }),
        };
        const { events } = await session.client.audit.listAuditEvents(request, counting);
        answerRows(shell, events, [
          ["ID", ({ id }) => id],
          ["AT", ({ createdAt }) => formatTime(createdAt)],
          ["WHO", ({ performedBy, actor }) => formatActor(performedBy, actor)],
          ["ACTION", ({ action }) => action],
          ["WHERE", ({ metadata }) => whereOf(metadata)],
          ["WHY", ({ metadata }) => textOf(metadata, "reason")],
          ["SOURCE", ({ source }) => source],
          ["RESOURCE", ({ resourceType, resourceId }) => `${resourceType} ${resourceId}`.trim()],
        ]);
        if (options.before === undefined && options.after === undefined) {
          noticeMore(shell, events.length, counting.total(), "--limit, --before or --after");
        }
      }),
    );
  addAuditVerify(audit, shell);
  addAuditCheckpoint(audit, shell);
  addAuditProve(audit, shell);
  audit
    .command("head")
    .description("write the number, hash and signature of the newest event as JSON")
    .addHelpText(
      "after",
      "\nKeep it where the operator of the server cannot change it; audit verify --expect-head checks it.",
    )
    .addHelpText("after", examples("signet audit head > head.json"))
    .action(
      inSession(shell, async (session) => {
        const head = await session.client.audit.getAuditHead({ orgId: await session.orgId() });
        shell.io.out(shell.shown(`${formatMessage(head)}\n`));
      }),
    );
}

/**
 * The project and environment that the command line names. A project that a variable or a context suggests counts beside an environment
 * only: the audit is the organization's.
 */
async function placeOf(session: Session, command: Command): Promise<{ projectId?: string; environment?: string }> {
  const { env, project } = session.options;
  const hasProjectFlag = command.parent?.parent?.getOptionValueSource("project") === "cli";
  if (env === undefined && !hasProjectFlag) return {};
  // A project that was deleted is found by its UUID alone.
  const projectId = await session.projectId(project);
  return { projectId, ...defined({ environment: env }) };
}

/** The environment and version of an event, for example `prod 7`. */
function whereOf(metadata: string): string {
  const [environment, version] = [textOf(metadata, "environment"), textOf(metadata, "to_version", "version")];
  return [environment, version].filter((part) => part !== undefined).join(" ");
}

/** The first of these fields that is a text or a number. */
function textOf(metadata: string, ...names: readonly string[]): string | undefined {
  const fields = JSON.parse(metadata) as Readonly<Record<string, unknown>>;
  const value = names.map((name) => fields[name]).find((it) => typeof it === "string" || typeof it === "number");
  return value === undefined ? undefined : String(value);
}
