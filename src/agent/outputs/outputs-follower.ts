import { createBackoff, type BackoffOptions } from "../../sdk/backoff.js";
import { sleep } from "../../core/schedule/wait.js";
import type { PackSource, VerifiedPack } from "../source/environment-pack.js";
import type { CommandFailures, EnvironmentOutputs, Outcome } from "./environment-outputs.js";
import type { Applied } from "./journal.js";
import type { OutputLog } from "./output-log.js";

/** How an environment's outputs stand. */
export interface OutputsStatus {
  /** `waiting`: nothing came yet. `applying`: a change is under way. */
  readonly state: "waiting" | "applying" | "applied" | "rejected";
  /** What the outputs have; null: unknown, or nothing. */
  readonly applied: Applied | null;
  /** Of the activation that `state` is about; null while there is none. */
  readonly sequence: number | null;
  /** Why it was rejected, else empty. */
  readonly reason: string;
  /** When the outputs were last brought to an activation by this process; null while they were not. */
  readonly appliedAt: Date | null;
  /** When a file was last replaced or a command last ended well by this process; null while none was. */
  readonly changedAt: Date | null;
  /** Activations that were applied and rejected by this process. A rejection that is repeated counts once. */
  readonly appliedCount: number;
  readonly rejectedCount: number;
  /** Commands of this process that failed, by what they were run for. */
  readonly commandFailures: CommandFailures;
}

/** The parts of a follower. */
export interface FollowerOptions {
  readonly source: PackSource;
  readonly outputs: EnvironmentOutputs;
  readonly log: OutputLog;
  /** Aborted at the end; the signal of `outputs`, too. */
  readonly stop: AbortController;
  readonly now: () => Date;
  /** The waits before a write that failed is tried again. Default: up to 2 s, 4 s, … 60 s. */
  readonly backoff?: BackoffOptions;
}

const WRITE_BACKOFF: BackoffOptions = { baseMs: 2_000, maxMs: 60_000, random: Math.random };

/**
 * Brings the outputs to each activation of a source, one after the other; what is superseded while one is being applied is skipped. Tells
 * the fleet view what became of it.
 */
export class OutputsFollower implements AsyncDisposable {
  readonly #stopListening: () => void;
  readonly #following: Promise<void>;
  readonly #backoff;
  #wake: AbortController = new AbortController();
  /** Asked for again, whatever became of it. */
  #isDue = true;
  #isWanted = false;
  #waiters: ((outcome: Outcome) => void)[] = [];
  #status: Omit<OutputsStatus, "applied" | "commandFailures"> = {
    ...{ state: "waiting", sequence: null, reason: "", appliedAt: null, changedAt: null },
    ...{ appliedCount: 0, rejectedCount: 0 },
  };

  constructor(private readonly options: FollowerOptions) {
    this.#backoff = createBackoff(options.backoff ?? WRITE_BACKOFF);
    this.#stopListening = options.source.on("update", () => this.#hear());
    options.stop.signal.addEventListener("abort", () => this.#wake.abort(), { once: true });
    this.#following = this.#follow();
  }

  get status(): OutputsStatus {
    const { applied, commandFailures } = this.options.outputs;
    return { ...this.#status, applied, commandFailures };
  }

  /** Applies what is current again: writes files that were changed or removed since, and runs a command that failed. */
  again(): void {
    this.#isWanted = true;
    this.#hear();
  }

  /** Resolves with what becomes of the next activation that is applied or rejected. */
  next(): Promise<Outcome> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Ends a command that runs, after a grace time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    this.options.stop.abort();
    await this.#following;
  }

  #hear(): void {
    this.#isDue = true;
    this.#wake.abort();
  }

  async #follow(): Promise<void> {
    const { source, stop } = this.options;
    const isStopped = () => stop.signal.aborted;
    while (!isStopped()) {
      const wake = new AbortController();
      this.#wake = wake;
      const pack = this.#isDue ? source.current : null;
      this.#isDue = false;
      let waitMs = Infinity;
      if (pack !== null) waitMs = await this.#take(pack);
      if (isStopped()) return;
      // A pack that came meanwhile has aborted it.
      await sleep(waitMs, wake.signal);
      if (!wake.signal.aborted) this.#isDue = true;
    }
  }

  /** Returns when it is to be tried again, in milliseconds. */
  async #take(pack: VerifiedPack): Promise<number> {
    const { source, outputs, log } = this.options;
    const { sequence, version } = pack;
    const before = this.#status;
    const isAgain = this.#isWanted;
    this.#isWanted = false;
    this.#status = { ...before, state: "applying", sequence };
    const outcome = await outputs.apply(pack);
    if (outcome.state === "interrupted") {
      this.#status = before;
      return Infinity;
    }
    if (outcome.state === "applied") {
      this.#backoff.reset();
      const appliedAt = this.options.now();
      const { rejectedCount } = before;
      const appliedCount = before.appliedCount + 1;
      const changedAt = outcome.hasChanged ? appliedAt : before.changedAt;
      this.#status = { state: "applied", sequence, reason: "", appliedAt, changedAt, appliedCount, rejectedCount };
      if (outcome.hasChanged || isAgain) log.info({ sequence, version }, "applied");
      source.report(pack, { state: "applied" });
    } else if (source.current !== pack && outcome.isTemporary) {
      // Superseded before it could be written.
      this.#status = before;
      return 0;
    } else {
      const { reason } = outcome;
      const isKnown = before.state === "rejected" && before.sequence === sequence && before.reason === reason;
      const rejectedCount = before.rejectedCount + (isKnown ? 0 : 1);
      this.#status = { ...before, state: "rejected", sequence, reason, rejectedCount };
      if (!isKnown) {
        log.error({ sequence, version, reason }, "rejected: what was before stays");
        source.report(pack, { state: "rejected", reason });
      }
    }
    for (const tell of this.#waiters.splice(0)) tell(outcome);
    if (outcome.state === "applied" || !outcome.isTemporary) return Infinity;
    return this.#backoff.nextMs();
  }
}
