import { waitFor } from "../../../core/schedule/wait.js";
import { SignetError } from "../../signet-error.js";

/** How long a call may take that is neither a watch nor a poll, in milliseconds. */
export interface CallLimits {
  /** Without a byte. */
  readonly idleMs: number;
  /** In all. */
  readonly totalMs: number;
}

/** Ends a call whose server stalls, or drips: what is asked for beside a watch holds up everything that comes after it. */
export class CallLimit {
  readonly #over = new AbortController();
  readonly #total: ReturnType<typeof setTimeout>;
  readonly #forget: () => void;
  #idle: ReturnType<typeof setTimeout>;

  /** @param signal of the caller, which ends the call too */
  constructor(
    private readonly limits: CallLimits,
    signal: AbortSignal,
  ) {
    const cancel = () => this.#end("cancelled", "the call was cancelled");
    signal.addEventListener("abort", cancel, { once: true });
    this.#forget = () => signal.removeEventListener("abort", cancel);
    this.#total = setTimeout(() => this.#end("timeout", `no whole answer in ${limits.totalMs} ms`), limits.totalMs);
    this.#idle = this.#wait();
    if (signal.aborted) cancel();
  }

  /** Aborts when the call is over, with a SignetError as its reason where a limit or the caller ended it. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The body; each of its chunks begins the time without a byte anew. */
  async *heard(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      clearTimeout(this.#idle);
      this.#idle = this.#wait();
      yield chunk;
    }
  }

  /** The result of a call, or a rejection as soon as the call is over, even if the connection does not react to its signal. */
  async race<T>(call: Promise<T>): Promise<T> {
    await waitFor(call, Infinity, [this.signal]);
    return await call;
  }

  /** Ends a call that failed. One that has its whole answer leaves its connection to the next. */
  end(): void {
    this.#over.abort();
  }

  /** Ends its timers. No `using`: not every browser has it. */
  close(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    this.#forget();
  }

  #wait(): ReturnType<typeof setTimeout> {
    const { idleMs } = this.limits;
    return setTimeout(() => this.#end("timeout", `the server was silent for ${idleMs} ms`), idleMs);
  }

  #end(code: "cancelled" | "timeout", message: string): void {
    this.#over.abort(new SignetError(code, message));
  }
}
