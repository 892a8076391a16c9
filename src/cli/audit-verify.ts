import type { Command } from "commander";
import { line } from "../core/printable.js";
import { formatMessage, type VerifyAuditRequest, type VerifyAuditResponse } from "../sdk/index.js";
import { readHead, verifyHead } from "./shell/audit-head.js";
import { InputError } from "./shell/cli-error.js";
import { EXIT_CODES } from "./shell/exit-codes.js";
import { wholeNumber } from "./shell/numbers.js";
import { Session } from "./shell/session.js";
import type { Shell } from "./shell/shell.js";
import { fetchKeys, readKeys } from "./shell/trusted-keys.js";

interface Options {
  readonly limit?: number;
  readonly expectHead?: string;
  readonly keys?: string;
}

const HELP = `
The server checks its own chain: numbers without gaps, links, signatures. That finds what was changed or taken out of the middle, not
an end that was cut off: for that, give it a head that was kept elsewhere (signet audit head > FILE). The head's own signature is
checked here, with the audit key of --keys, or without it with what the server names, which finds a damaged file but no lie.

What this cannot find: events after the newest head that was kept; and a server whose owner holds the audit key and changes its
answers. Keep heads often, and elsewhere. The exit code is 8 when something is not good.`;

/** `signet audit verify`. */
export function addAuditVerify(audit: Command, shell: Shell): void {
  audit
    .command("verify")
    .description("check that no event was changed or taken out")
    .option("--limit <count>", "only the newest", wholeNumber(1))
    .option("--expect-head <file>", "a head that was kept: nothing was cut off since")
    .option("--keys <file>", "PEM public key of the audit, to check the head with")
    .addHelpText("after", HELP)
    .action(async ({ limit, expectHead, keys }: Options, command: Command) => {
      using session = Session.open(shell, command);
      const orgId = await session.orgId();
      const expected = expectHead === undefined ? {} : await headToExpect(session, orgId, expectHead, keys, shell);
      const report = await verifyInParts(session, orgId, limit, expected, shell);
      shell.answer(
        () => formatMessage(report),
        () =>
          report.valid
            ? `the chain holds: ${report.checked} events checked\n`
            : line`BROKEN at event ${report.firstBroken ?? "?"}: ${report.reason ?? "no reason given"}\n`,
      );
      if (!report.valid) shell.exitCode = EXIT_CODES.notVerified;
    });
}

/** Events that one request checks: a second or two. */
const PART = 5_000;

/** The whole chain, or its newest events, one request after the other. A person at a terminal sees how far it is. */
async function verifyInParts(
  { client }: Session,
  orgId: string,
  limit: number | undefined,
  expected: Partial<Pick<VerifyAuditRequest, "headNumber" | "headHash">>,
  shell: Shell,
): Promise<VerifyAuditResponse> {
  const { number } = await client.audit.getAuditHead({ orgId });
  const start = limit === undefined ? 0 : Math.max(0, number - limit);
  let checked = 0;
  for (; number - start - checked > PART; checked += PART) {
    const part = await client.audit.verifyAudit({ orgId, after: start + checked, limit: PART });
    if (!part.valid) return { ...part, checked: checked + part.checked };
    shell.progress(`${checked + PART} of ${number - start} events checked`);
  }
  // With what was added meanwhile.
  const last = await client.audit.verifyAudit({ orgId, after: start + checked, ...expected });
  return { ...last, checked: checked + last.checked };
}

async function headToExpect(session: Session, orgId: string, file: string, keysFile: string | undefined, shell: Shell) {
  const head = await readHead(file, shell.io);
  if (head.org_id !== orgId) throw new InputError(`${file} is the head of another organization, ${head.org_id}`);
  const keys = await (keysFile === undefined ? fetchKeys(session, "audit", shell) : readKeys(keysFile, shell));
  await verifyHead(head, keys);
  return { headNumber: head.number, headHash: head.hash };
}
