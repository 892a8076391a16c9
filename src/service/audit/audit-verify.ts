import { nextTurn } from "../../core/schedule/in-steps.js";
import { auditEventMessage } from "../../bundle/audit-chain.js";
import type { AuditEvent } from "../../core/audit.js";
import type { PublicKey } from "../../bundle/keys.js";
import type { Reader } from "../../store/store.js";
import { hashOf, signatureBytes, signedForm } from "./audit-form.js";
import { nodeVerifier } from "../keys/ed25519-node.js";
import type { KeyRing } from "../keys/key-ring.js";
import { LogCheck } from "./log/log-check.js";

/** The result of verifying an organization's chain. */
export interface ChainReport {
  readonly valid: boolean;
  readonly checked: number;
  /** The number of the first invalid or missing event; null if the chain is valid. */
  readonly firstBroken: number | null;
  readonly reason: string | null;
  /** The keys whose signatures count. */
  readonly trustedKeyIds: readonly string[];
  /** Audit keys in the database that no key of this server endorses. */
  readonly untrustedKeyIds: readonly string[];
}

/** Events of one read. */
const PAGE = 500;
/** Signatures that are verified at once, by the threads of the pool. */
const AT_ONCE = 64;

/**
 * Reads the chain oldest first and checks each event: consecutive numbers, the link to the previous signature, a valid signature by a
 * key that this server endorses (one that is merely in the database does not count), and that it is the event of the log's leaf. Then
 * checks that the event of a kept head still exists with the same hash: truncation leaves a chain that is valid by itself.
 *
 * @param limit checks this many of the newest events; with `from`, of the first ones above that number
 */
export async function verifyChain(
  reader: Reader,
  ring: KeyRing,
  orgId: string,
  limit?: number,
  kept?: { readonly number: number; readonly hash: string },
  from?: number,
): Promise<ChainReport> {
  const { trusted: keys, untrustedIds } = await ring.sorted("audit");
  const about = { trustedKeyIds: [...keys.keys()], untrustedKeyIds: untrustedIds };
  const newest = (await reader.auditHead(orgId))?.id ?? 0;
  const start = from ?? (limit === undefined ? 0 : Math.max(0, newest - limit));
  const most = from === undefined ? Infinity : (limit ?? Infinity);
  let previous = start === 0 ? null : await reader.auditEvent(orgId, start);
  const log = new LogCheck(reader, orgId);
  let checked = 0;
  const report = (firstBroken: number, reason: string): ChainReport => ({
    ...{ valid: false, checked, firstBroken, reason },
    ...about,
  });

  if (start > newest) return report(newest + 1, `event ${start} is missing`);
  for (let after = start; checked < most;) {
    const page = await reader.auditEvents({ orgId, after, limit: Math.min(PAGE, most - checked) });
    const flaws = await flawsOf(page.rows, keys);
    for (const [index, event] of page.rows.entries()) {
      const isPreviousMissing = checked === 0 && start > 0 && previous === null;
      const wrong =
        brokenBecause(event, previous, isPreviousMissing, after + 1) ?? flaws[index] ?? (await log.flawOf(event));
      if (wrong !== null) return report(Math.min(event.id, after + 1), wrong);
      checked += 1;
      after = event.id;
      previous = event;
    }
    // A page may be shorter than requested if its events are large.
    if (page.rows.length === 0) break;
    // The reads are synchronous: a long chain must not block the event loop.
    await nextTurn();
  }
  if (kept !== undefined && kept.number > 0) {
    const event = await reader.auditEvent(orgId, kept.number);
    if (event === null) return report((previous?.id ?? 0) + 1, `event ${kept.number} of the kept head is missing`);
    if (hashOf(event) !== kept.hash) {
      return report(kept.number, "the event is not the one that the kept head names");
    }
  }
  return { valid: true, checked, firstBroken: null, reason: null, ...about };
}

/** The flaw of each event's signature; null for a good one. */
async function flawsOf(
  events: readonly AuditEvent[],
  keys: ReadonlyMap<string, PublicKey>,
): Promise<readonly (string | null)[]> {
  const flaws: (string | null)[] = [];
  for (let from = 0; from < events.length; from += AT_ONCE) {
    const some = events.slice(from, from + AT_ONCE);
    flaws.push(...(await Promise.all(some.map((event) => wronglySigned(event, keys)))));
  }
  return flaws;
}

function brokenBecause(
  event: AuditEvent,
  previous: AuditEvent | null,
  previousMissing: boolean,
  expectedId: number,
): string | null {
  if (event.id !== expectedId) return `event ${expectedId} is missing`;
  if (previousMissing) return `event ${expectedId - 1} is missing`;
  if (event.prevSignature !== (previous?.signature ?? ""))
    return "it does not name the signature of the event before it";
  return null;
}

/** The flaw of an event's signature; null if one of the keys signed it. */
export async function wronglySigned(event: AuditEvent, keys: ReadonlyMap<string, PublicKey>): Promise<string | null> {
  const key = keys.get(event.keyId);
  if (key === undefined) return `no key of this server endorses its key ${event.keyId}`;
  const good = await nodeVerifier.verify(key.bytes, auditEventMessage(signedForm(event)), signatureBytes(event));
  return good ? null : "its signature does not verify";
}
