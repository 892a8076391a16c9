import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { answerRows, countingTotal, noticeMore } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";
import { addAuditVerify } from "./audit-verify.js";

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
    .option("--actor <prefix>", "only events of the token with this prefix")
    .option("--action <action>", 'an action, or a prefix such as "bundle.*"')
    .option("--resource-type <type>", "for example bundle")
    .option("--resource-id <id>", "only events about this resource")
    .option("--source <address>", "only events caused from this client address")
    .addHelpText("after", examples('signet audit list --action "bundle.*" --limit 20'))
    .action(
      inSession(shell, async (session, options: ListOptions) => {
        const counting = countingTotal();
        const request = { orgId: await session.orgId(), ...options };
        const { events } = await session.client.audit.listAuditEvents(request, counting);
        answerRows(shell, events, [
          ["ID", ({ id }) => id],
          ["AT", ({ createdAt }) => formatTime(createdAt)],
          ["ACTOR", ({ actor }) => actor],
          ["SOURCE", ({ source }) => source],
          ["ACTION", ({ action }) => action],
          ["RESOURCE", ({ resourceType, resourceId }) => `${resourceType} ${resourceId}`.trim()],
          ["METADATA", ({ metadata }) => withoutSource(metadata)],
        ]);
        if (options.before === undefined && options.after === undefined) {
          noticeMore(shell, events.length, counting.total(), "--limit, --before or --after");
        }
      }),
    );
  addAuditVerify(audit, shell);
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

/** The source has a column of its own. */
function withoutSource(metadata: string): string {
  return JSON.stringify({ ...(JSON.parse(metadata) as object), source: undefined });
}
