import { addSeconds, instantOf, type Clock } from "../../core/clock.js";
import type { Store } from "../../store/store.js";

/**
 * After so long another node takes over the job of one that died. A job that takes longer may run on two nodes at once, which does no
 * harm: it deletes what is too old, or tells what was not told.
 */
const CLAIM_SECONDS = 600;

/** Jobs that one of the nodes of a database does for all of them. */
export class TimedJobs {
  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock; readonly nodeId: string }) {}

  /**
   * Runs a job when it is due and no other node runs it; it is due again `everyMs` after it began. To be called more often than that. One
   * that fails waits for its next time; one that is aborted stays due, for another node. Rejects as the job does.
   */
  async runIfDue(
    name: string,
    everyMs: number,
    run: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, clock, nodeId } = this.deps;
    const at = instantOf(clock.now());
    const claim = { nodeId, at, until: addSeconds(at, CLAIM_SECONDS) };
    const dueAt = await store.read.jobDueAt(name);
    // One that is due so late was ended by a clock that was wrong: claimJob decides.
    if (dueAt !== null && dueAt > at && dueAt <= claim.until) return;
    if (!(await store.write((tx) => tx.claimJob(name, claim)))) return;
    try {
      await run(signal);
    } finally {
      const next = signal.aborted ? at : addSeconds(at, everyMs / 1000);
      await store.write((tx) => tx.endJob(name, nodeId, next));
    }
  }
}
