import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Rest, type HttpAnswer } from "../../../../src/sdk/runtime/ways/http.js";
import { createPollRung } from "../../../../src/sdk/runtime/ways/poll-rung.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A path that cuts requests that are held; and what was asked for. */
class Path {
  isGood = false;
  readonly holds: number[] = [];

  readonly rung = createPollRung(
    new Rest(async ({ headers }) => await this.#answer(headers["Prefer"] ?? ""), "http://signet.example", "t"),
    { instanceId: "i", labels: {}, silentMs: 45_000 },
  );

  /** Polls so many times, with a new connection after each failure. */
  async poll(times: number): Promise<void> {
    const stop = new AbortController();
    const polling = (async () => {
      for (let polled = 0; polled < times;) {
        const position = () => ({ sequence: 0, deploymentId: "", rootVersion: 0 });
        try {
          for await (const news of this.rung.open(position, stop.signal, 4_000)) {
            expect(news).toEqual({ type: "alive" });
            polled += 1;
            if (polled === times) break;
          }
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "unavailable" });
        }
      }
    })();
    let isOver = false;
    void polling.finally(() => (isOver = true));
    while (!isOver) await vi.advanceTimersByTimeAsync(1_000);
    await polling;
  }

  async #answer(prefer: string): Promise<HttpAnswer> {
    const seconds = Number(prefer.replace("wait=", ""));
    this.holds.push(seconds);
    if (seconds > 0 && !this.isGood) throw new Error("cut");
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return { status: 304, header: () => null, body: (async function* () {})() };
  }
}

describe("polls", () => {
  it("are held for half as long on a path that cuts them, and for longer again once it does not", async () => {
    const path = new Path();
    await path.poll(15);
    expect(path.holds.filter((seconds) => seconds > 0)).toEqual([25, 12, 6, 3, 1]);
    expect(path.holds.at(-1)).toBe(0);
    path.isGood = true;
    await path.poll(130);
    expect(path.holds.at(-1)).toBe(25);
    expect([...new Set(path.holds.slice(-120))]).toEqual([1, 2, 4, 8, 16, 25]);
  });
});
