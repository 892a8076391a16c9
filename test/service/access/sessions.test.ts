import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SCOPES, type Principal } from "../../../src/core/token.js";
import { Sessions } from "../../../src/service/access/sessions.js";
import { DAY, HOUR, MovableClock } from "../fixture.js";

const runtime = (options: Partial<Principal> = {}): Principal => ({
  tokenId: 1,
  tokenName: null,
  keyPrefix: "signet_rt_1",
  keyType: "runtime",
  orgId: "o",
  keyHash: "00".repeat(32),
  isOperator: false,
  projectId: "p",
  environmentId: "e",
  environments: [],
  scopes: SCOPES.runtime,
  expiresAt: null,
  ...options,
});

describe("sessions", () => {
  let clock: MovableClock;
  let sessions: Sessions;
  beforeEach(() => {
    vi.useFakeTimers();
    clock = new MovableClock();
    sessions = new Sessions(clock, { stream: 2, poll: 1 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const open = (principal = runtime(), address = "192.0.2.1") => sessions.open("stream", principal, "e", address);
  const after = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);
  /** Both move: the timers fire by the one, and look at the other. */
  function pass(seconds: number): void {
    for (let left = seconds; left > 0; left -= DAY) {
      clock.advanceSeconds(Math.min(left, DAY));
      vi.advanceTimersByTime(Math.min(left, DAY) * 1000);
    }
  }

  it("of a token that expires end at that time, not before", () => {
    const session = open(runtime({ expiresAt: after(HOUR).toISOString() }));
    pass(HOUR - 1);
    expect(session.signal.aborted).toBe(false);
    pass(1);
    expect(session.signal.reason).toMatchObject({ code: "unauthenticated" });
  });

  it("of a token that expires in months, later than a timer can wait, do not end at once", () => {
    const session = open(runtime({ expiresAt: after(90 * DAY).toISOString() }));
    pass(60 * DAY);
    expect(session.signal.aborted).toBe(false);
    pass(30 * DAY);
    expect(session.signal.aborted).toBe(true);
  });

  it("of a token that is revoked end at once, those of others do not", () => {
    const mine = open();
    const other = open(runtime({ tokenId: 2 }));
    sessions.endToken(1);
    expect(mine.signal.reason).toMatchObject({ code: "unauthenticated" });
    expect(other.signal.aborted).toBe(false);
  });

  it("of a token that is rotated with grace end with the grace", () => {
    const session = open();
    sessions.endToken(1, after(60));
    pass(59);
    expect(session.signal.aborted).toBe(false);
    pass(1);
    expect(session.signal.aborted).toBe(true);
  });

  it("end when the token expires, however long the grace of a rotation is", () => {
    const session = open(runtime({ expiresAt: after(HOUR).toISOString() }));
    sessions.endToken(1, after(7 * DAY));
    pass(HOUR);
    expect(session.signal.aborted).toBe(true);
  });

  it("of the key before the last rotation end with its own grace, not with that of the next rotation", () => {
    const session = open();
    sessions.endToken(1, after(60));
    sessions.endToken(1, after(7 * DAY));
    pass(60);
    expect(session.signal.aborted).toBe(true);
  });

  it("of an environment that is deleted end as not found", () => {
    const session = open();
    const other = sessions.open("stream", runtime({ tokenId: 2 }), "other", "192.0.2.1");
    sessions.endEnvironments(new Set(["e"]));
    expect(session.signal.reason).toMatchObject({ code: "not_found" });
    expect(other.signal.aborted).toBe(false);
  });

  it("all end at shutdown, and no new one opens", () => {
    const session = open();
    sessions.shutdown();
    expect(session.signal.reason).toMatchObject({ code: "unavailable" });
    expect(() => open()).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it.each([
    ["token", () => open(runtime(), "192.0.2.3")],
    ["address", () => open(runtime({ tokenId: 3 }), "192.0.2.1")],
  ])("are limited for each %s; one that ended makes room, once", (_, third) => {
    const first = open();
    open();
    expect(third).toThrow(expect.objectContaining({ code: "rate_limited", reason: "too_many_streams" }));
    expect(sessions.count("stream")).toBe(2);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    third();
    expect(third).toThrow(expect.objectContaining({ code: "rate_limited" }));
  });

  it("count streams and polls apart", () => {
    open();
    open();
    sessions.open("poll", runtime(), "e", "192.0.2.1");
    expect([sessions.count("stream"), sessions.count("poll")]).toEqual([2, 1]);
  });

  it("leave no timer behind", () => {
    const session = open(runtime({ expiresAt: after(HOUR).toISOString() }));
    sessions.endToken(1, after(60));
    expect(vi.getTimerCount()).toBe(1);
    session[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
    expect(sessions.count("stream")).toBe(0);
  });
});
