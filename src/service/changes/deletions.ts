import type { Instant } from "../../core/clock.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import type { Store } from "../../store/store.js";

/** Rows that one transaction deletes: some 20 ms, and others write between two of them. */
const ROWS_PER_STEP = 100;

/**
 * Deletes the rows of projects, environments and webhooks that were deleted, which no look-up finds any more. What a failure or a crash
 * leaves, or an abort, is found by the next call.
 */
export async function removeDeleted(store: Store, signal?: AbortSignal): Promise<void> {
  await inSteps(
    async () => (await store.read.hasDeleted()) && (await store.write((tx) => tx.removeDeleted(ROWS_PER_STEP))) > 0,
    signal,
  );
}

/** Small rows, and nothing else goes with them. */
const EVENTS_PER_STEP = 500;

/** Deletes events from before an instant that no delivery waits for, with their deliveries; in steps, as removeDeleted. */
export async function removeOldEvents(store: Store, before: Instant, signal?: AbortSignal): Promise<void> {
  await inSteps(async () => (await store.write((tx) => tx.deleteDeliveries(before, EVENTS_PER_STEP))) > 0, signal);
}
