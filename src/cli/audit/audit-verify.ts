import type { Command } from "commander";
import { line } from "../../core/printable.js";
import {
  formatMessage,
  type PublicKey,
  type SignetClient,
  type VerifyAuditRequest,
  type VerifyAuditResponse,
} from "../../sdk/index.js";
import { EventChecker, type BrokenEvent } from "./audit-events.js";
import { readHead, verifyHead } from "./audit-head.js";
import { InputError } from "../shell/cli-error.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { fetchKeys, readKeys } from "../shell/trusted-keys.js";

interface Options {
  readonly limit?: number;
  readonly expectHead?: string;
  readonly keys?: string;
}

const HELP = `
The server checks its own chain: numbers without gaps, links, signatures by keys that its current audit key vouches for; it says which
keys those are. That finds what was changed or taken out of the middle, not an end that was cut off: for that, give it a head that was
kept elsewhere (signet audit head > FILE).

With --keys every event and the head are checked here, and only the keys of the file count, the server's word for nothing: name all that
the audit was ever signed with. Without it the server checks the events, and its keys check the head: no lying server is found.

What this cannot find: events after the newest head that was kept; and a server whose owner holds the audit key and changes its
answers. Keep heads often, and elsewhere. The exit code is 8 when something is not good.`;

/** `signet audit verify`. */
export function addAuditVerify(audit: Command, shell: Shell): void {
  audit
    .command("verify")
    .description("check that no event was changed or taken out")
    .option("--limit <count>", "only the newest", wholeNumber(1))
    .option("--expect-head <file>", "a head that was kept: nothing was cut off since")
    .option("--keys <file>", "PEM public keys of the audit, to check every event and the head with")
    .addHelpText("after", HELP)
    .action(async ({ limit, expectHead, keys }: Options, command: Command) => {
      using session = Session.open(shell, command);
      const orgId = await session.orgId();
      const pinned = keys === undefined ? null : await readKeys(keys, shell);
      const expected = expectHead === undefined ? {} : await headToExpect(session, orgId, expectHead, pinned, shell);
      const check = pinned === null ? verifyInParts : verifyHere(pinned);
      const report = await check(session, orgId, limit, expected, shell);
      shell.answer(
        () => formatMessage(report),
        () => verdict(report),
      );
      if (!report.valid) shell.exitCode = EXIT_CODES.notVerified;
    });
}

type Report = VerifyAuditResponse;
type Expected = Partial<Pick<VerifyAuditRequest, "headNumber" | "headHash">>;

function verdict({ valid, checked, firstBroken, reason, trustedKeyIds, untrustedKeyIds }: Report): string {
  const keys = [
    line`keys that count: ${trustedKeyIds.join(", ")}\n`,
    ...(untrustedKeyIds.length === 0 ? [] : [line`keys that nobody vouches for: ${untrustedKeyIds.join(", ")}\n`]),
  ].join("");
  return valid
    ? `the chain holds: ${checked} events checked\n${keys}`
    : line`BROKEN at event ${firstBroken ?? "?"}: ${reason ?? "no reason given"}\n` + keys;
}

/** Events that one request checks: a second or two. */
const PART = 5_000;
/** Events in one answer. */
const PAGE = 1_000;

/** The whole chain, or its newest events, one request after the other. A person at a terminal sees how far it is. */
async function verifyInParts(
  { client }: Session,
  orgId: string,
  limit: number | undefined,
  expected: Expected,
  shell: Shell,
): Promise<Report> {
  const number = await newestNumber(client, orgId);
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

/** As the list has it: a head is refused where the newest event is broken. */
async function newestNumber(client: SignetClient, orgId: string): Promise<number> {
  const { events } = await client.audit.listAuditEvents({ orgId, limit: 1 });
  return events[0]?.id ?? 0;
}

/** As verifyInParts, with every event fetched and checked here. */
function verifyHere(keys: readonly PublicKey[]): typeof verifyInParts {
  return async ({ client }, orgId, limit, { headNumber = 0, headHash }, shell) => {
    const number = await newestNumber(client, orgId);
    const start = limit === undefined ? 0 : Math.max(0, number - limit);
    const checker = new EventChecker(orgId, keys, start);
    let checked = 0;
    let foundHash: string | undefined;
    const report = (broken: BrokenEvent | null): Report => ({
      $typeName: "signet.v1.VerifyAuditResponse",
      ...{ valid: broken === null, checked, trustedKeyIds: keys.map(({ keyId }) => keyId), untrustedKeyIds: [] },
      ...(broken === null ? {} : { firstBroken: broken.id, reason: broken.reason }),
    });
    for (;;) {
      const { events } = await client.audit.listAuditEvents({ orgId, after: start + checked, limit: PAGE });
      for (const event of events) {
        const broken = checker.next(event);
        if (broken !== null) return report(broken);
        checked += 1;
        if (event.id === headNumber) foundHash = checker.hashOf(event);
      }
      // A page may be shorter than asked for when its events are large.
      if (events.length === 0) break;
      shell.progress(`${checked} of ${number - start} events checked`);
    }
    if (start + checked < number) {
      return report({ id: start + checked + 1, reason: `event ${start + checked + 1} is missing` });
    }
    if (headNumber > 0 && headNumber <= start) {
      const { events } = await client.audit.listAuditEvents({ orgId, after: headNumber - 1, limit: 1 });
      foundHash = events[0]?.id === headNumber ? checker.hashOf(events[0]) : undefined;
    }
    if (headNumber === 0 || foundHash === headHash) return report(null);
    const reason =
      foundHash === undefined
        ? `event ${headNumber} of the kept head is missing`
        : "the event is not the one that the kept head names";
    return report({ id: Math.min(headNumber, start + checked + 1), reason });
  };
}

async function headToExpect(
  session: Session,
  orgId: string,
  file: string,
  pinned: readonly PublicKey[] | null,
  shell: Shell,
) {
  const head = await readHead(file, shell.io);
  if (head.org_id !== orgId) throw new InputError(`${file} is the head of another organization, ${head.org_id}`);
  await verifyHead(head, pinned ?? (await fetchKeys(session, "audit", shell)));
  return { headNumber: head.number, headHash: head.hash };
}
