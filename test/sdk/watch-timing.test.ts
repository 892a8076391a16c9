import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBackoff, DEFAULT_BACKOFF } from "../../src/sdk/backoff.js";
import { SignetError } from "../../src/sdk/signet-error.js";
import type { WatchEvent } from "../../src/sdk/watch-event.js";
import { brief, endAfter, failAfter, scriptedServer, stayOpen, watch } from "./scripted-server.js";
import { heartbeat, push } from "./signed-push.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a watch in time", () => {
  it("calls again when a stream was silent for three heartbeats, and not before", async () => {
    const server = scriptedServer(stayOpen(push(1)), stayOpen(heartbeat(1)));
    const events = watch(server, { heartbeatMs: 1_000 });
    expect([await nextOf(events), await nextOf(events)]).toEqual(["connected 1", "1"]);
    const pending = nextOf(events);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(server.ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await pending).toBe("reconnecting timeout");
    expect(server.ended).toEqual([0]);
    const next = nextOf(events);
    await vi.advanceTimersByTimeAsync(1);
    expect(await next).toBe("connected 1");
    expect(server.requests.map(({ afterSequence }) => afterSequence)).toEqual([0, 1]);
  });

  it("calls again when a server accepts the stream and says nothing at all", async () => {
    const server = scriptedServer(stayOpen(), stayOpen(push(1)));
    const pending = nextOf(watch(server, { heartbeatMs: 1_000 }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await pending).toBe("reconnecting timeout");
  });

  it("does not take a slow consumer for a silent server", async () => {
    const server = scriptedServer(stayOpen(push(1), push(2)));
    const events = watch(server, { heartbeatMs: 1_000 });
    expect([await nextOf(events), await nextOf(events)]).toEqual(["connected 1", "1"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await nextOf(events)).toBe("2");
    expect(server.requests).toHaveLength(1);
  });

  it("waits longer after each failure, up to the maximum, also when it is accepted and lost at once", async () => {
    const away = failAfter(new ConnectError("away", Code.Unavailable));
    const server = scriptedServer(away, away, away, away, endAfter(push(1)), away, stayOpen());
    const backoff = { baseMs: 1_000, maxMs: 3_000, random: () => 0.5 };
    const delays: number[] = [];
    const reading = (async () => {
      for await (const event of watch(server, { backoff })) {
        if (event.type === "reconnecting") delays.push(event.delayMs);
        if (delays.length === 6) return;
      }
    })();
    await vi.advanceTimersByTimeAsync(60_000);
    await reading;
    expect(delays).toEqual([500, 1_000, 1_500, 1_500, 1_500, 1_500]);
  });

  it.each([
    [19_000, 1_000],
    [20_000, 500],
  ])("starts over after a minute of life: three heartbeats of %i ms", async (heartbeatMs, expected) => {
    const away = failAfter(new ConnectError("away", Code.Unavailable));
    const server = scriptedServer(away, stayOpen(push(1)), stayOpen());
    const delays: number[] = [];
    const reading = (async () => {
      for await (const event of watch(server, {
        heartbeatMs,
        backoff: { baseMs: 1_000, maxMs: 9_000, random: () => 0.5 },
      })) {
        if (event.type === "reconnecting") delays.push(event.delayMs);
        if (delays.length === 2) return;
      }
    })();
    await vi.advanceTimersByTimeAsync(100_000);
    await reading;
    expect(delays).toEqual([500, expected]);
  });

  it("spreads the first return of a fleet over ten seconds", () => {
    expect(createBackoff({ ...DEFAULT_BACKOFF, random: () => 0.9999 }).nextMs()).toBe(9_999);
  });

  it("comes back slowly to what only a person can mend, if it was no mistake of a proxy", async () => {
    const denied = failAfter(new ConnectError("<html>", Code.PermissionDenied));
    const backoff = { baseMs: 1_000, maxMs: 30_000, random: () => 0.5 };
    const event = (await watch(scriptedServer(denied), { backoff }).next()).value as WatchEvent;
    expect(event).toMatchObject({ type: "reconnecting", delayMs: 22_500 });
  });

  it("waits at least as long as the server asks for", async () => {
    const busy = new ConnectError("too many streams", Code.ResourceExhausted, { "Retry-After": "7" });
    const event = (await watch(scriptedServer(failAfter(busy))).next()).value as WatchEvent;
    expect(event).toMatchObject({ type: "reconnecting", delayMs: 7_000, attempt: 1 });
    expect(event.type === "reconnecting" && event.error).toBeInstanceOf(SignetError);
  });
});

describe("createBackoff", () => {
  it("spreads over everything from 0 to the ceiling", () => {
    const ceilings = [0, 0.25, 0.999].map((value) => {
      const backoff = createBackoff({ baseMs: 100, maxMs: 400, random: () => value });
      return [backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()];
    });
    expect(ceilings).toEqual([
      [0, 0, 0, 0],
      [25, 50, 100, 100],
      [99, 199, 399, 399],
    ]);
  });
});

async function nextOf(events: AsyncIterator<WatchEvent, void>): Promise<string> {
  const result = await events.next();
  return result.done === true ? "end" : brief(result.value);
}
