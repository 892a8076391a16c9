import type { Command } from "commander";
import { formatMessage, formatMessages } from "../../sdk/index.js";
import { addAuditVerify } from "./audit-verify.js";
import { countingTotal, noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";

interface ListOptions {
  readonly limit: number;
  readonly before?: number;
  readonly after?: number;
  readonly actor?: string;
  readonly action?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  readonly source?: string;
}

/** `signet audit`: the record of every state change. */
export function addAudit(program: Command, shell: Shell): void {
  const audit = program.command("audit").description("list and verify the record of every state change");
  audit
    .command("list")
    .description("list events, newest first; with --after oldest first from there")
    .option("--limit <count>", "at most so many", wholeNumber(1, 1000), 50)
    .option("--before <id>", "only events below this number", wholeNumber(1))
    .option("--after <id>", "only events above this number", wholeNumber(0))
    .option("--actor <prefix>", "only by this token, by its prefix")
    .option("--action <action>", 'one action, or a prefix such as "bundle.*"')
    .option("--resource-type <type>", "for example bundle")
    .option("--resource-id <id>", "only about this one")
    .option("--source <address>", "only what came from this client address")
    .action((options: ListOptions, command: Command) => list(shell, options, command));
  addAuditVerify(audit, shell);
  audit
    .command("head")
    .description("write the newest event's number, hash and signature as JSON, for keeping elsewhere")
    .addHelpText("after", "\nKeep it where who runs the server cannot change it: signet audit head > head.json")
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const head = await session.client.audit.getAuditHead({ orgId: await session.orgId() });
      shell.io.out(shell.shown(`${formatMessage(head)}\n`));
    });
}

async function list(shell: Shell, options: ListOptions, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const counting = countingTotal();
  const request = { orgId: await session.orgId(), ...options };
  const { events } = await session.client.audit.listAuditEvents(request, counting);
  shell.answer(
    () => formatMessages(events),
    () =>
      formatTable(
        events,
        [
          ["ID", ({ id }) => id],
          ["AT", ({ createdAt }) => formatTime(createdAt)],
          ["ACTOR", ({ actor }) => actor],
          ["SOURCE", ({ source }) => source],
          ["ACTION", ({ action }) => action],
          ["RESOURCE", ({ resourceType, resourceId }) => `${resourceType} ${resourceId}`.trim()],
          ["METADATA", ({ metadata }) => withoutSource(metadata)],
        ],
        shell.color,
      ),
  );
  if (options.before === undefined && options.after === undefined) {
    noticeMore(shell, events.length, counting.total(), "--limit, --before or --after");
  }
}

/** It has a column of its own. */
function withoutSource(metadata: string): string {
  return JSON.stringify({ ...(JSON.parse(metadata) as object), source: undefined });
}
