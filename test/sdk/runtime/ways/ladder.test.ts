import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SignetError, type SignetErrorDetails } from "../../../../src/sdk/signet-error.js";
import { Ladder, unknownPath, type LadderEvent, type PathMemory } from "../../../../src/sdk/runtime/ways/ladder.js";
import type { News, Rung } from "../../../../src/sdk/runtime/ways/rung.js";
import type { TransportName } from "../../../../src/sdk/runtime/runtime.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const ALIVE: News = { type: "alive" };
/** What an attempt does: fails at once, says something and fails after a time, or says something and stays. */
type Attempt = SignetError | { readonly afterMs: number; readonly error: SignetError } | "stays";

class FakeRung implements Rung {
  readonly opened: number[] = [];
  readonly limits: number[] = [];
  left = 0;

  constructor(
    readonly name: TransportName,
    public attempts: Attempt[],
  ) {}

  async *open(_: unknown, signal: AbortSignal, firstMs: number): AsyncGenerator<News> {
    this.opened.push(performance.now());
    this.limits.push(firstMs);
    const attempt = this.attempts.length > 1 ? this.attempts.shift() : this.attempts[0];
    try {
      if (attempt instanceof SignetError) throw attempt;
      yield ALIVE;
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve, { once: true });
        if (typeof attempt === "object") setTimeout(resolve, attempt.afterMs);
      });
      if (typeof attempt === "object" && !signal.aborted) throw attempt.error;
    } finally {
      this.left += 1;
    }
  }
}

function failure(code: SignetError["code"], details: SignetErrorDetails & { errno?: string } = {}): SignetError {
  const cause = details.errno === undefined ? undefined : Object.assign(new Error("x"), { code: details.errno });
  return new SignetError(code, code, { ...details, ...(cause && { cause }) });
}

function follow(rungs: readonly FakeRung[], memory: PathMemory = unknownPath()) {
  const ladder = new Ladder(rungs, {
    backoff: { baseMs: 1_000, maxMs: 8_000, random: () => 0.5 },
    refusalBackoff: { baseMs: 10_000, maxMs: 40_000, random: () => 0.5 },
    firstMs: 4_000,
    climbMs: 300_000,
    memory,
  });
  const stop = new AbortController();
  const events: string[] = [];
  const refused = { next: null as Error | null };
  const brief = (event: LadderEvent) => {
    if (event.type === "connected") return event.transport;
    return event.type === "waiting" ? `${event.error.code} ${event.delayMs}` : "";
  };
  const running = (async () => {
    for await (const event of ladder.follow(() => ({ sequence: 0, deploymentId: "", rootVersion: 0 }), stop.signal)) {
      const text = brief(event);
      if (text !== "") events.push(text);
      if (event.type === "alive" && refused.next !== null) ladder.refuse(refused.next);
    }
  })();
  return {
    events,
    memory,
    refused,
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      expect(rungs.map(({ left }) => left)).toEqual(rungs.map(({ opened }) => opened.length));
    },
  };
}

const page = failure("forbidden");
const buffered = failure("timeout");
const away = failure("unavailable", { errno: "ECONNREFUSED" });

describe("a ladder", () => {
  it("goes down at once past what the path does not let through, and remembers what it does", async () => {
    const rungs = [new FakeRung("grpc", [page]), new FakeRung("connect", [buffered]), new FakeRung("sse", ["stays"])];
    await using run = follow(rungs);
    await run.pass(0);
    expect([run.events, run.memory.works]).toEqual([["sse"], "sse"]);
    const again = [new FakeRung("grpc", ["stays"]), new FakeRung("connect", ["stays"]), new FakeRung("sse", ["stays"])];
    await using second = follow(again, run.memory);
    await second.pass(0);
    expect(again.map(({ opened }) => opened.length)).toEqual([0, 0, 1]);
  });

  it.each([
    ["no server", away],
    ["a Signet that refuses the token", failure("unauthenticated", { isFromServer: true })],
    ["a Signet with too many streams", failure("quota_exceeded", { isFromServer: true, retryAfterSeconds: 7 })],
    ["a certificate that is not trusted", failure("unavailable", { errno: "CERT_HAS_EXPIRED" })],
  ])("stays where it is for %s", async (_, error) => {
    const rungs = [new FakeRung("grpc", [error]), new FakeRung("connect", ["stays"])];
    await using run = follow(rungs);
    await run.pass(5_000);
    expect(rungs[1]?.opened).toEqual([]);
    expect(run.events.length).toBeGreaterThan(0);
  });

  it("waits on top of what the server asks for, and long for what only a person can mend", async () => {
    const busy = failure("quota_exceeded", { isFromServer: true, retryAfterSeconds: 7 });
    const denied = failure("forbidden", { isFromServer: true });
    await using run = follow([new FakeRung("grpc", [busy, denied, "stays"])]);
    await run.pass(20_000);
    expect(run.events).toEqual(["quota_exceeded 7500", "forbidden 6000", "grpc"]);
  });

  it("does not stay away for days because a proxy says so", async () => {
    const away = failure("unavailable", { retryAfterSeconds: 999_999 });
    await using run = follow([new FakeRung("grpc", [away, "stays"])]);
    await run.pass(601_000);
    expect(run.events).toEqual(["unavailable 600500", "grpc"]);
  });

  it("begins at the top again when nothing works, after a wait that grows", async () => {
    const rungs = [new FakeRung("grpc", [page]), new FakeRung("sse", [page])];
    await using run = follow(rungs);
    await run.pass(29_000);
    // A page of a proxy is waited for slowly.
    expect(run.events).toEqual([
      "forbidden 6000",
      "forbidden 6000",
      "forbidden 6000",
      "forbidden 6000",
      "forbidden 6000",
    ]);
    expect(rungs.map(({ opened }) => opened.length)).toEqual([5, 5]);
  });

  it("gives a first message more time after no way had one, until one does", async () => {
    const rungs = [new FakeRung("grpc", [buffered]), new FakeRung("poll", [buffered, buffered, "stays"])];
    await using run = follow(rungs);
    await run.pass(20_000);
    expect(run.events.at(-1)).toBe("poll");
    expect(rungs.map(({ limits }) => limits)).toEqual([
      [4_000, 8_000, 16_000],
      [4_000, 8_000, 16_000],
    ]);
  });

  it("leaves a way that worked only at its second failure in a row", async () => {
    const reset = failure("unavailable", { errno: "ECONNRESET" });
    const cut = { afterMs: 1_000, error: reset };
    const rungs = [new FakeRung("grpc", [cut, reset, cut, reset, reset]), new FakeRung("connect", ["stays"])];
    await using run = follow(rungs);
    await run.pass(60_000);
    expect(run.events).toEqual([
      "grpc",
      "unavailable 500",
      "unavailable 1000",
      "grpc",
      "unavailable 2000",
      "unavailable 4000",
      "connect",
    ]);
  });

  it.each([
    ["is cut", failure("unavailable", { errno: "ECONNRESET" }), [4_000, 4_000, 4_000, 4_000]],
    ["is silent", buffered, [4_000, 8_000, 16_000, 32_000]],
  ])("stays on a way that works for another runtime when it %s for this one", async (_, error, limits) => {
    await using other = follow([new FakeRung("grpc", ["stays"])]);
    await other.pass(0);
    const rungs = [new FakeRung("grpc", [error, error, error, "stays"]), new FakeRung("connect", ["stays"])];
    await using run = follow(rungs, other.memory);
    await run.pass(10_000);
    expect(run.events).toEqual([`${error.code} 500`, `${error.code} 1000`, `${error.code} 2000`, "grpc"]);
    expect(rungs.map((rung) => rung.limits)).toEqual([limits, []]);
  });

  it("leaves a way that has worked for no other runtime for a minute", async () => {
    await using other = follow([new FakeRung("grpc", ["stays"])]);
    await other.pass(60_000);
    const rungs = [new FakeRung("grpc", [buffered]), new FakeRung("connect", ["stays"])];
    await using run = follow(rungs, other.memory);
    await run.pass(10_000);
    expect(run.events).toEqual(["timeout 500", "connect"]);
  });

  it("stays, whatever a gateway says for a while, on a way that worked", async () => {
    const gateway = failure("unavailable");
    const rungs = [new FakeRung("grpc", [{ afterMs: 1, error: gateway }, gateway, gateway, gateway, "stays"])];
    const spare = new FakeRung("connect", ["stays"]);
    await using run = follow([...rungs, spare]);
    await run.pass(60_000);
    expect(run.events.at(-1)).toBe("grpc");
    expect(spare.opened).toEqual([]);
  });

  it("leaves a way that falls silent twice after its first message", async () => {
    const silent = { afterMs: 45_000, error: buffered };
    const rungs = [new FakeRung("grpc", [silent]), new FakeRung("connect", ["stays"])];
    await using run = follow(rungs);
    await run.pass(120_000);
    expect(run.events).toEqual(["grpc", "timeout 500", "grpc", "connect"]);
  });

  it("does not hammer a server that accepts and drops, and starts over after a minute of life", async () => {
    const drop = { afterMs: 1_000, error: failure("unavailable") };
    const rung = new FakeRung("grpc", [drop, drop, drop, drop, drop, { ...drop, afterMs: 60_000 }, "stays"]);
    await using run = follow([rung]);
    await run.pass(200_000);
    expect(run.events.filter((event) => event !== "grpc")).toEqual(
      [500, 1_000, 2_000, 4_000, 4_000, 500].map((ms) => `unavailable ${ms}`),
    );
  });

  it("climbs when a better way works, without a moment without any", async () => {
    const rungs = [
      new FakeRung("grpc", [page, page, "stays"]),
      new FakeRung("connect", [page]),
      new FakeRung("sse", ["stays"]),
    ];
    await using run = follow(rungs);
    await run.pass(300_000);
    expect([run.events, rungs[0]?.opened.length]).toEqual([["sse"], 2]);
    await run.pass(600_000);
    expect(run.events).toEqual(["sse", "grpc"]);
    expect(run.memory.works).toBe("grpc");
    expect(rungs[2]?.left).toBe(1);
    await run.pass(7_200_000);
    expect(rungs.map(({ opened }) => opened.length)).toEqual([3, 2, 1]);
  });

  it("comes back ever more seldom to what it refused, and counts that apart from lost connections", async () => {
    const rung = new FakeRung("grpc", ["stays"]);
    await using run = follow([rung]);
    run.refused.next = new Error("forged");
    await run.pass(100_000);
    expect(run.events).toEqual([
      "grpc",
      "invalid 5000",
      "grpc",
      "invalid 10000",
      "grpc",
      "invalid 20000",
      "grpc",
      "invalid 20000",
      "grpc",
      "invalid 20000",
      "grpc",
      "invalid 20000",
      "grpc",
      "invalid 20000",
    ]);
  });
});
