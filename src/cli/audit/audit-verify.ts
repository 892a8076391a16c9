import type { Command } from "commander";
import { activationOf, leafData } from "../../bundle/log/leaf.js";
import { isSameHash, leafHash, type Hash } from "../../bundle/log/merkle.js";
import { TreeBuilder } from "../../bundle/log/tree-builder.js";
import { line } from "../../core/printable.js";
import {
  formatMessage,
  type AuditEvent,
  type PublicKey,
  type SignetClient,
  type VerifyAuditRequest,
  type VerifyAuditResponse,
} from "../../sdk/index.js";
import { EventChecker, type BrokenEvent } from "./audit-events.js";
import { readHead, verifyHead } from "./audit-head.js";
import { fetchCheckpoint, requireNote, verifyCheckpoint, type VerifiedCheckpoint } from "./kept-checkpoint.js";
import { CheckFailedError, InputError } from "../shell/cli-error.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { nameOf, readTextFile } from "../shell/text-files.js";
import { fetchKeys, readKeys } from "../shell/trusted-keys.js";

interface Options {
  readonly limit?: number;
  readonly expectHead?: string;
  readonly expectCheckpoint?: string;
  readonly keys?: string;
}

const HELP = `
The server checks its chain: numbers without gaps, links, and signatures by keys that its current audit key endorses; it lists these
keys. It compares each event with the log over them. That detects changed or missing events, but not a truncated end: for that, pass a
head or a checkpoint that was kept elsewhere (signet audit head > FILE, signet audit checkpoint > FILE).

With --keys the command checks every event and the head itself and trusts only the keys of the file: pass all keys that ever signed
the audit log. Without --keys the server checks the events, and its keys verify the head: a server that lies is not detected.

Not detected: changes after the newest head that was kept, and a server whose owner has the audit key and forges its responses. Keep
heads often, and elsewhere. Exit code 8 if the check fails.
`;

/** `signet audit verify`: checks the chain of events, by the server or with own keys. */
export function addAuditVerify(audit: Command, shell: Shell): void {
  audit
    .command("verify")
    .description("check that no event was changed or removed")
    .option("--limit <count>", "check only this many of the newest events", wholeNumber(1))
    .option("--expect-head <file>", "kept head: check that the log still contains its event")
    .option("--expect-checkpoint <file>", "kept checkpoint: check that the log still begins with it")
    .option("--keys <file>", "public audit keys (PEM): check every event and the head with these only")
    .addHelpText("after", HELP + examples("signet audit verify --expect-head head.json"))
    .action(
      inSession(shell, async (session, { limit, expectHead, expectCheckpoint, keys }: Options) => {
        const orgId = await session.orgId();
        const pinned = keys === undefined ? null : await readKeys(keys, shell);
        const expected = expectHead === undefined ? {} : await headToExpect(session, orgId, expectHead, pinned, shell);
        const kept = await checkpointToExpect(session, orgId, expectCheckpoint, pinned, shell);
        const leaves = new KeptRoot(kept?.size ?? 0);
        const check = pinned === null ? verifyInParts : verifyHere(pinned, leaves);
        const report = await check(session, orgId, limit, expected, shell);
        shell.answer(
          () => formatMessage(report),
          () => verdict(report),
        );
        if (!report.valid) shell.exitCode = EXIT_CODES.notVerified;
        else if (kept !== null && leaves.root !== null) requireRoot(kept, leaves.root);
      }),
    );
}

type Report = VerifyAuditResponse;
type Expected = Partial<Pick<VerifyAuditRequest, "headNumber" | "headHash">>;

function verdict({ valid, checked, firstBroken, reason, trustedKeyIds, untrustedKeyIds }: Report): string {
  const keys = [
    line`trusted keys: ${trustedKeyIds.join(", ")}\n`,
    ...(untrustedKeyIds.length === 0 ? [] : [line`untrusted keys: ${untrustedKeyIds.join(", ")}\n`]),
  ].join("");
  return valid
    ? `the chain holds: ${checked} events checked\n${keys}`
    : line`BROKEN at event ${firstBroken ?? "?"}: ${reason ?? "no reason given"}\n` + keys;
}

/** Events that one request checks; it takes a second or two. */
const PART = 5_000;
/** Events in one answer. */
const PAGE = 1_000;

/** Has the server check the chain, or its newest events, in several requests; shows progress on a terminal. */
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
  // Includes events that were added meanwhile.
  const last = await client.audit.verifyAudit({ orgId, after: start + checked, ...expected });
  return { ...last, checked: checked + last.checked };
}

/** From the list, because the server refuses the head when the newest event is broken. */
async function newestNumber(client: SignetClient, orgId: string): Promise<number> {
  const { events } = await client.audit.listAuditEvents({ orgId, limit: 1 });
  return events[0]?.id ?? 0;
}

/** As verifyInParts, but fetches every event and checks it here, with these keys. */
function verifyHere(keys: readonly PublicKey[], leaves: KeptRoot): typeof verifyInParts {
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
        if (start === 0) leaves.add(event, checker.hashOf(event));
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
  if (head.org_id !== orgId) throw new InputError(`${file} is the head of organization ${head.org_id}`);
  await verifyHead(head, pinned ?? (await fetchKeys(session, "audit", shell)));
  return { headNumber: head.number, headHash: head.hash };
}

/** The kept checkpoint, of which the server's log must be a continuation; null without the option. */
async function checkpointToExpect(
  session: Session,
  orgId: string,
  file: string | undefined,
  pinned: readonly PublicKey[] | null,
  shell: Shell,
): Promise<VerifiedCheckpoint | null> {
  if (file === undefined) return null;
  const keys = pinned ?? (await fetchKeys(session, "audit", shell));
  const trust = { orgId, keys, witnesses: [] };
  const kept = await verifyCheckpoint(
    requireNote(await readTextFile(file, shell.io), nameOf(file)),
    nameOf(file),
    trust,
  );
  await fetchCheckpoint(session.client, kept, trust);
  return kept;
}

/** The root of the first events, made of what was fetched. */
class KeptRoot {
  readonly #tree = new TreeBuilder();
  /** Once all of them were added. */
  root: Hash | null = null;

  constructor(private readonly size: number) {}

  add({ metadata }: AuditEvent, hash: string): void {
    if (this.#tree.size === this.size) return;
    const activation = activationOf(JSON.parse(metadata) as Readonly<Record<string, unknown>>);
    this.#tree.add(leafHash(leafData(hash, activation)));
    if (this.#tree.size === this.size) this.root = this.#tree.root();
  }
}

function requireRoot({ size, root }: VerifiedCheckpoint, found: Hash): void {
  if (isSameHash(root, found)) return;
  throw new CheckFailedError("inconsistent", `the first ${size} events are not those of the kept checkpoint`);
}
