import { TrustError } from "../../bundle/trust/trust-error.js";
import { waitFor } from "../../core/schedule/wait.js";
import { FINAL_ERRORS, SignetError } from "../signet-error.js";
import type { InstanceStatus } from "../status-reporter.js";
import { unref } from "./ways/climb.js";
import type { Keeper } from "./keeper.js";
import type { Ladder, LadderEvent } from "./ways/ladder.js";
import { Listeners } from "./listeners.js";
import { Newest } from "./newest.js";
import { activationName, type OutcomeReports } from "./outcome-reports.js";
import type { News } from "./ways/rung.js";
import type { RuntimeProof } from "./runtime-proof.js";
import type { CurrentPolicies, Refusal, Runtime, RuntimeEvents, RuntimeStatus, TransportName } from "./runtime.js";
import { standingOf } from "./standing.js";

/** What a runtime is made of. */
export interface RuntimeParts {
  readonly keeper: Keeper;
  readonly ladder: Ladder;
  readonly reports: OutcomeReports;
  /** Ends what the runtime does; aborted by its `close`. */
  readonly stop: AbortController;
  readonly now: () => Date;
  readonly closes: { readonly expired: boolean; readonly revoked: boolean };
  /** Gives connections back. */
  readonly disconnect: () => void;
}

/** The clock of the machine may jump while a timer runs, as when it sleeps: it is looked at this often. */
const LOOK_MS = 30_000;

/** A runtime that follows its server from when it is made. */
export class FollowedRuntime implements Runtime {
  readonly #listeners = new Listeners<RuntimeEvents>();
  readonly #newest = new Newest<CurrentPolicies>();
  readonly #following: Promise<void>;
  readonly #waiting = new Set<(outcome: CurrentPolicies | Error) => void>();
  #state: RuntimeStatus["state"];
  #since: Date;
  #provenUntil: Date | null = null;
  #transport: TransportName | null = null;
  #nextRetryAt: Date | null = null;
  #error: SignetError | null = null;
  #refusal: Refusal | null = null;
  #connections = 0;
  #refusals = 0;
  /** Why `ready` fails at once: it is told once, and not again before the next attempt. */
  #waitError: Error | null = null;
  #shown: string | null = null;
  #toldProof: RuntimeProof;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly parts: RuntimeParts) {
    this.#since = parts.now();
    this.#state = standingOf(parts.keeper.state, this.#since.getTime()).state;
    this.#look();
    this.#toldProof = parts.keeper.proof;
    this.#following = this.#follow();
  }

  get current(): CurrentPolicies | null {
    this.#look();
    return this.#open;
  }

  get status(): RuntimeStatus {
    this.#look();
    return this.#status();
  }

  get proof(): RuntimeProof {
    return this.parts.keeper.proof;
  }

  report(status: InstanceStatus): void {
    this.parts.reports.report(status);
  }

  async ready({ signal, timeoutMs = Infinity }: { signal?: AbortSignal; timeoutMs?: number } = {}) {
    const { current } = this;
    if (current !== null) return current;
    const error = this.#waitError;
    this.#waitError = null;
    if (error !== null) throw error;
    const { stop } = this.parts;
    if (stop.signal.aborted) throw closed();
    let tell: (outcome: CurrentPolicies | Error) => void = () => undefined;
    const outcome = new Promise<CurrentPolicies | Error>((resolve) => (tell = resolve));
    this.#waiting.add(tell);
    try {
      const signals = signal === undefined ? [] : [signal];
      const isTold = await waitFor(outcome, timeoutMs, signals).catch((cause: unknown) => {
        throw new SignetError("cancelled", "the wait was cancelled", { cause });
      });
      if (!isTold) throw new SignetError("timeout", `nothing to enforce after ${timeoutMs} ms${this.#why()}`);
      const told = await outcome;
      if (told instanceof Error) throw told;
      return told;
    } finally {
      this.#waiting.delete(tell);
    }
  }

  updates(): AsyncIterable<CurrentPolicies> {
    return this.#newest.read();
  }

  on<Name extends keyof RuntimeEvents>(name: Name, listener: (value: RuntimeEvents[Name]) => void): () => void {
    return this.#listeners.add(name, listener);
  }

  async close(): Promise<void> {
    this.parts.stop.abort();
    clearTimeout(this.#timer);
    await this.#following;
    this.#newest.close();
    this.#tell(closed());
    this.parts.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #follow(): Promise<void> {
    const { ladder, keeper, stop } = this.parts;
    for await (const event of ladder.follow(() => keeper.position, stop.signal)) {
      this.#hear(event);
      if (event.type === "proof") await this.#take(event);
      if (stop.signal.aborted) return;
    }
  }

  #hear(event: LadderEvent): void {
    if (event.type === "connected") {
      this.#connections += 1;
      this.#transport = event.transport;
      this.#nextRetryAt = null;
      this.#error = null;
    } else if (event.type === "waiting" || event.type === "staying") {
      if (event.type === "waiting") this.#transport = null;
      this.#nextRetryAt = new Date(this.parts.now().getTime() + event.delayMs);
      this.#error = event.error;
      if (event.type === "waiting" && !(event.error.cause instanceof TrustError)) {
        this.#listeners.tell("attempt", { error: event.error });
      }
      if (event.error.isFromServer && FINAL_ERRORS.has(event.error.code)) this.#rejectWaiting(event.error);
    }
  }

  async #take(news: News & { readonly type: "proof" }): Promise<void> {
    const { keeper, ladder } = this.parts;
    let error: Error | null;
    try {
      error = await keeper.take(news);
    } catch (thrown) {
      // The connection failed while more was asked for: no refusal, but the same wait.
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    if (this.parts.stop.signal.aborted) return;
    if (error === null) {
      ladder.accept();
      this.#refusal = null;
      this.#waitError = null;
      this.#nextRetryAt = null;
      this.#error = null;
      this.parts.reports.verified(keeper.current);
    } else {
      ladder.refuse(error);
      if (error instanceof TrustError) this.#refuse(error, news);
    }
    this.#look();
    const { proof } = keeper;
    if (proof !== this.#toldProof) {
      this.#toldProof = proof;
      this.#listeners.tell("proof", proof);
    }
    if (error === null || error instanceof TrustError) this.#listeners.tell("attempt", { error });
  }

  #refuse(error: TrustError, { about }: News & { readonly type: "proof" }): void {
    const { code, message } = error;
    this.#refusals += 1;
    this.#refusal = { code, message, at: this.parts.now(), sequence: about.sequence };
    this.#rejectWaiting(error);
    this.parts.reports.refused(error, about);
  }

  /** What may be enforced now. */
  get #open(): CurrentPolicies | null {
    const { closes, keeper } = this.parts;
    const isClosed = (this.#state === "expired" && closes.expired) || (this.#state === "revoked" && closes.revoked);
    return isClosed ? null : keeper.current;
  }

  /** Looks at the clock and at what was proven, and tells what changed. */
  #look(): void {
    const { keeper, now, stop } = this.parts;
    const at = now();
    const { state, provenUntil, forMs } = standingOf(keeper.state, at.getTime());
    this.#provenUntil = provenUntil;
    const hasChanged = state !== this.#state;
    if (hasChanged) this.#since = at;
    this.#state = state;
    clearTimeout(this.#timer);
    if (!stop.signal.aborted && forMs !== Infinity) {
      this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(forMs, 1), LOOK_MS));
      unref(this.#timer);
    }
    const current = this.#open;
    const isNew = current !== null && activationName(current) !== this.#shown;
    if (isNew) this.#shown = activationName(current);
    if (hasChanged) this.#listeners.tell("state", this.#status());
    if (isNew) {
      this.#newest.set(current);
      this.#listeners.tell("update", current);
    }
    if (current !== null) this.#tell(current);
  }

  #status(): RuntimeStatus {
    return {
      ...{ state: this.#state, since: this.#since, provenUntil: this.#provenUntil, transport: this.#transport },
      ...{ nextRetryAt: this.#nextRetryAt, error: this.#error, refusal: this.#refusal },
      ...{ connections: this.#connections, refusals: this.#refusals },
      cacheError: this.parts.keeper.cacheError,
    };
  }

  #rejectWaiting(error: Error): void {
    if (this.#waiting.size === 0) this.#waitError = error;
    this.#tell(error);
  }

  #tell(outcome: CurrentPolicies | Error): void {
    for (const tell of this.#waiting) tell(outcome);
  }

  #why(): string {
    const { code, message } = this.#refusal ?? {};
    if (code !== undefined) return `: refused, ${code}: ${message}`;
    return this.#error === null ? "" : `: ${this.#error.message}`;
  }
}

function closed(): SignetError {
  return new SignetError("cancelled", "the runtime is closed");
}
