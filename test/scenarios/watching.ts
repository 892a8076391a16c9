import { expect } from "vitest";
import type { Driver, DriverKind, Failure, WatchMessage, WatchStart } from "./drivers/driver.js";

/** An open watch, read one message at a time. Disposing of it goes away without a word. */
export class Watching implements AsyncDisposable {
  private readonly gone = new AbortController();
  private readonly messages: AsyncGenerator<WatchMessage, void>;

  constructor(
    private readonly driver: Driver,
    start: Omit<WatchStart, "signal"> = {},
  ) {
    this.messages = driver.watch({ ...start, signal: this.gone.signal });
  }

  async next(): Promise<WatchMessage> {
    const next = await this.messages.next();
    if (next.done === true) throw new Error("the stream ended without a word");
    return next.value;
  }

  /** The next message that is no heartbeat. */
  async nextChange(): Promise<WatchMessage> {
    for (;;) {
      const message = await this.next();
      if (message.event !== "heartbeat") return message;
    }
  }

  /** Everything but heartbeats, up to the message with this sequence. */
  async until(sequence: number): Promise<readonly WatchMessage[]> {
    const messages = [];
    for (;;) {
      const message = await this.nextChange();
      messages.push(message);
      if (message.sequence >= sequence) return messages;
    }
  }

  /** How the stream ends by itself; heartbeats before that are skipped, a change is not. */
  async end(): Promise<Failure> {
    try {
      const message = await this.nextChange();
      throw new Error(`no end but ${message.event} ${message.sequence}`);
    } catch (thrown) {
      return this.driver.failure(thrown);
    }
  }

  /** The client goes away. */
  abort(): void {
    this.gone.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    // What is in flight ends by the abort; how does not matter any more.
    await this.messages.return().catch(() => undefined);
  }
}

/** Refusals as each family says them. */
const CODES = {
  unauthenticated: ["UNAUTHENTICATED", 401],
  forbidden: ["PERMISSION_DENIED", 403],
  not_found: ["NOT_FOUND", 404],
  conflict: ["ALREADY_EXISTS", 409],
  precondition_failed: ["FAILED_PRECONDITION", 412],
  invalid: ["INVALID_ARGUMENT", 422],
  no_target: ["FAILED_PRECONDITION", 400],
  rate_limited: ["RESOURCE_EXHAUSTED", 429],
  unavailable: ["UNAVAILABLE", 503],
} as const;

export type Refusal = keyof typeof CODES;

/** Expects a failure to be this refusal, in the words of the driver's protocol. */
export function expectRefusal({ family, name }: DriverKind, failure: Failure, refusal: Refusal): void {
  const [rpc, rest] = CODES[refusal];
  expect(failure.code, `${name}: ${failure.message}`).toBe(family === "rpc" ? rpc : rest);
  // gRPC tells a reason always; REST only when it is finer than the status.
  expect(typeof failure.reason, name).toBe(family === "rpc" ? "string" : failure.reason === null ? "object" : "string");
  expect(failure.message, name).not.toMatch(/internal|SQLITE|undefined|at .*\.ts/);
}

/** Expects a call to be refused. */
export async function expectRefused(
  kind: DriverKind,
  driver: Driver,
  call: Promise<unknown>,
  refusal: Refusal,
): Promise<Failure> {
  const outcome = await call.then(
    (value) => ({ value }),
    (thrown: unknown) => ({ failure: driver.failure(thrown) }),
  );
  if ("value" in outcome) throw new Error(`${kind.name}: not refused but ${JSON.stringify(outcome.value)}`);
  expectRefusal(kind, outcome.failure, refusal);
  return outcome.failure;
}
