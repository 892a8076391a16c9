import { afterEach, describe, expect, it, vi } from "vitest";
import { RateTable } from "../../../src/api/admission/admission-rates.js";
import { systemClock } from "../../../src/core/clock.js";
import { SCOPES, type Principal } from "../../../src/core/token.js";
import { CircuitBreaker } from "../../../src/service/webhooks/circuit-breaker.js";
import { DEFAULT_RETENTION } from "../../../src/service/bundles/retention.js";
import { LOOK_AGAIN_MS, Sessions } from "../../../src/service/access/sessions.js";
import { rememberNames } from "../../../src/outbound/name-cache.js";
import { DAY, HOUR, MovableClock, useServices } from "../fixture.js";

const JUMPS = [
  ["back", -3 * HOUR],
  ["forward", 3 * HOUR],
] as const;

afterEach(() => {
  vi.useRealTimers();
});

it("the system's clock has a monotonic one beside it", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const before = systemClock.monotonicMs();
  vi.setSystemTime(0);
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
});

describe.each(JUMPS)("when the clock is set %s", (_way, seconds) => {
  it("a rate is over after its minute, not before and not later", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const clock = new MovableClock();
    const table = new RateTable(1, 10, clock);
    await table.count("a");
    vi.setSystemTime(Date.now() + seconds * 1000);
    clock.jumpSeconds(seconds);
    expect(table.look("a").exceeded).toBe(true);
    expect(table.look("a").state.resetSeconds).toBe(60);
    clock.advanceSeconds(61);
    expect(table.look("a").exceeded).toBe(false);
  });

  it("an address that goes on failing is told a minute at most", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const table = new RateTable(1, 10, new MovableClock());
    await table.count("a");
    vi.setSystemTime(Date.now() + seconds * 1000);
    expect((await table.count("a")).state.resetSeconds).toBeLessThanOrEqual(60);
  });

  it("an endpoint rests for as long as it would have", () => {
    const clock = new MovableClock();
    const health = new CircuitBreaker(clock, () => 0);
    for (let n = 0; n < 5; n += 1) health.failed();
    clock.jumpSeconds(seconds);
    expect(health.pauseMs()).toBe(1000);
    clock.advanceSeconds(1);
    expect(health.pauseMs()).toBe(0);
  });

  it("a name is asked for again when it is old", async () => {
    const clock = new MovableClock();
    let asked = 0;
    const lookup = async () => [`192.0.2.${(asked += 1)}`];
    const names = rememberNames({ lookup, clock });
    await names.resolve("hooks.example");
    clock.jumpSeconds(seconds);
    await names.resolve("hooks.example");
    expect(asked).toBe(1);
    clock.advanceSeconds(HOUR);
    await names.resolve("hooks.example");
    expect(asked).toBe(2);
  });
});

describe("a session", () => {
  it("ends soon after the clock was set forward over the end of its token", () => {
    vi.useFakeTimers();
    const clock = new MovableClock();
    const sessions = new Sessions(clock, { stream: 1, poll: 1 });
    const expiresAt = new Date(clock.now().getTime() + 10 * HOUR * 1000).toISOString();
    const principal: Principal = {
      ...{
        tokenId: 1,
        tokenName: null,
        keyPrefix: "k",
        keyType: "runtime",
        orgId: "o",
        keyHash: "00",
        isOperator: false,
      },
      ...{ projectId: "p", environmentId: "e", environments: [], scopes: SCOPES.runtime, expiresAt },
    };
    const session = sessions.open("stream", principal, "e", "192.0.2.1");
    vi.advanceTimersByTime(LOOK_AGAIN_MS);
    expect(session.signal.aborted).toBe(false);
    clock.jumpSeconds(11 * HOUR);
    vi.advanceTimersByTime(LOOK_AGAIN_MS);
    expect(session.signal.reason).toMatchObject({ code: "unauthenticated" });
  });
});

describe("what is kept", () => {
  const signet = useServices();
  const RULES = { ...DEFAULT_RETENTION, keepNewest: 1, keepDays: 10, keepProductionDays: 10 };
  const versions = async () => {
    const { rows } = await signet.services.bundles.list(signet.admin, signet.path("dev"), undefined, undefined);
    return rows.map(({ bundle }) => bundle.version).sort((a, b) => a - b);
  };
  const prune = () => signet.services.pruning.prune(signet.admin, signet.projectId, "dev", RULES);
  const publish = async (count: number) => {
    for (let n = 0; n < count; n += 1) await signet.publish("dev", { n, at: signet.clock.monotonicMs() });
  };

  it("was active or published after something of yesterday, though the clock was years back then", async () => {
    await publish(2);
    signet.clock.advanceSeconds(100 * DAY);
    await publish(2);
    signet.clock.jumpSeconds(-400 * DAY);
    await publish(3);
    signet.clock.jumpSeconds(400 * DAY);
    signet.clock.advanceSeconds(DAY);
    await prune();
    // 2 was in force until 3 came.
    expect(await versions()).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it("is not what came before a moment at which the clock was years ahead", async () => {
    await publish(1);
    signet.clock.jumpSeconds(400 * DAY);
    await publish(1);
    signet.clock.jumpSeconds(-400 * DAY);
    await publish(3);
    signet.clock.advanceSeconds(100 * DAY);
    await publish(1);
    await prune();
    // Times of publication never go back: 3 to 5 have that of 2.
    expect(await versions()).toEqual([2, 3, 4, 5, 6]);
  });

  it("of refusals is written though the clock was set back", async () => {
    signet.services.refusals.count(signet.admin, "createProject", "forbidden");
    signet.clock.jumpSeconds(-3 * HOUR);
    await signet.services.refusals.flush();
    const filter = { orgId: signet.orgId, limit: 100, after: 0, action: "access.refused" };
    expect((await signet.services.audit.list(filter)).rows).toHaveLength(1);
  });
});
