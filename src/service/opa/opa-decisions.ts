import type { Principal } from "../../core/token.js";
import type { DecisionObserver } from "../changes/observers.js";
import type { Documents } from "../documents/documents.js";

/** Keeps decisions. */
export interface DecisionSink {
  /** A JSON object that says whose decisions are taken, and when: what each line begins with. */
  headOf(principal: Principal): string;
  /**
   * Resolves when the lines are written, each of which ends with a line break. Rejects with `unavailable` when they cannot be: OPA keeps what was not
   * taken, and sends it again.
   */
  write(lines: string): Promise<void>;
}

/** Counts the decisions that OPAs log, and keeps them where the operator wants it. */
export class OpaDecisions {
  constructor(
    private readonly documents: Pick<Documents, "opaDecisions">,
    private readonly observer: DecisionObserver,
    /** Null only counts. */
    private readonly sink: DecisionSink | null,
  ) {}

  /** Takes the body of an upload; returns how many decisions it has. Throws as readOpaDecisions and DecisionSink.write. */
  async take(principal: Principal, body: Uint8Array): Promise<number> {
    if (body.length === 0) return 0;
    const text = new TextDecoder().decode(body);
    const { count, lines } = await this.documents.opaDecisions(principal, text, this.sink?.headOf(principal) ?? null);
    if (lines !== "") await this.sink?.write(lines);
    this.observer.counted(count);
    return count;
  }
}
