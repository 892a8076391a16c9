/** What is done to a cluster. */
export type FaultKind = "node killed" | "backends ended" | "database crashed" | "node frozen" | "node cut off";

/** A fault from its begin to the moment when nothing is held back any more; `node` is null where it hits all of them. */
export interface Fault {
  readonly kind: FaultKind;
  readonly node: string | null;
  readonly fromMs: number;
  untilMs: number;
}

/** Two answers of a node further apart do not tell what was between them. */
const MAX_GAP_MS = 1_000;

/** When which fault was, and when which node said that it reaches the database. All times are those of `performance.now()`. */
export class Timeline {
  readonly faults: Fault[] = [];
  readonly #ready = new Map<string, number[]>();

  /** Notes a fault while `work` runs. */
  async during(kind: FaultKind, node: string | null, work: () => Promise<void>): Promise<void> {
    const fault: Fault = { kind, node, fromMs: performance.now(), untilMs: Infinity };
    this.faults.push(fault);
    await work();
    fault.untilMs = performance.now();
  }

  /** A node has just said that it is ready. */
  ready(node: string): void {
    const times = this.#ready.get(node) ?? [];
    this.#ready.set(node, times);
    times.push(performance.now());
  }

  /** For how long without a break a node is known to have reached the database in a span, in milliseconds. */
  longestReach(node: string, fromMs: number, untilMs: number): number {
    let [longest, since, last] = [0, NaN, NaN];
    for (const at of this.#ready.get(node) ?? []) {
      if (at > untilMs) break;
      const broken = !(at - last <= MAX_GAP_MS) || this.#isFaulty(node, last, at);
      if (broken) since = at;
      last = at;
      longest = Math.max(longest, at - Math.max(since, fromMs));
    }
    return longest;
  }

  #isFaulty(node: string, fromMs: number, untilMs: number): boolean {
    return this.faults.some(
      (fault) => (fault.node === null || fault.node === node) && fault.fromMs <= untilMs && fault.untilMs >= fromMs,
    );
  }
}
