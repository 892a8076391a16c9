import type { Instant } from "../../core/clock.js";
import type { Reader } from "../../store/store.js";
import { matchesEvent } from "../../outbound/event-types.js";

/** Events that are counted at most. */
const MAX_EVENTS = 20_000;

/** How many deliveries webhooks that are behind are still to be given, and since when the oldest event waits for that. */
export async function backlogEvents(
  read: Pick<Reader, "webhooksCatchingUp" | "eventHeadersAfter">,
  orgId: string,
): Promise<{ readonly count: number; readonly oldestAt: Instant | null }> {
  const behind = await read.webhooksCatchingUp(orgId);
  if (behind.length === 0) return { count: 0, oldestAt: null };
  const after = Math.min(...behind.map(({ outboxCursor }) => outboxCursor ?? Infinity));
  const events = await read.eventHeadersAfter(orgId, after, MAX_EVENTS);
  // A thousand webhooks have few lists of patterns.
  const matching = new Map<string, typeof events>();
  let count = 0;
  let oldestAt: Instant | null = null;
  for (const { events: patterns, outboxCursor } of behind) {
    const key = patterns.join();
    const own = matching.get(key) ?? events.filter(({ type }) => matchesEvent(patterns, type));
    matching.set(key, own);
    const start = firstAfter(own, outboxCursor ?? Infinity);
    count += own.length - start;
    const oldest = own[start]?.createdAt ?? null;
    if (oldest !== null && (oldestAt === null || oldest < oldestAt)) oldestAt = oldest;
  }
  return { count, oldestAt };
}

/** The index of the first event above a number, by halving. */
function firstAfter(events: readonly { readonly number: number }[], after: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.number ?? Infinity) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
