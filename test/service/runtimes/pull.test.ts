import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { pullEvents } from "../../../src/service/runtimes/pull.js";
import type { Principal } from "../../../src/core/token.js";
import type { WatchEvent } from "../../../src/service/runtimes/watch.js";
import { useServices } from "../fixture.js";

describe("a watch that is pulled", () => {
  const signet = useServices();
  afterEach(() => {
    vi.useRealTimers();
  });

  const reader = new AbortController();
  function watch(principal: Principal, afterSequence = 0, signal = reader.signal): AsyncGenerator<WatchEvent> {
    const from = { userAgent: null, clientAddress: "192.0.2.1", addressKey: "192.0.2.1" };
    const request = { afterSequence, afterDeploymentId: "", rootVersion: 0, instanceId: "", labels: {}, ...from };
    return pullEvents(signet.services.push, principal, request, signal);
  }
  const next = async (events: AsyncGenerator<WatchEvent>) => (await events.next()).value as WatchEvent;

  it.each([
    ["nothing active", 0, 0, "nothing_active", 0],
    ["nothing active, to one who had something", 0, 7, "nothing_active", 0],
    ["what is active", 2, 0, "activation", 2],
    ["what is active, to one who is behind", 2, 1, "activation", 2],
    ["a heartbeat to one who has it", 2, 2, "heartbeat", 2],
    ["what is active, to one with a history that is not ours", 2, 9, "activation", 2],
  ])("begins with %s", async (_, published, afterSequence, kind, sequence) => {
    const { principal } = await signet.runtime("dev");
    for (let n = 0; n < published; n += 1) await signet.publish("dev", { n });
    const events = watch(principal, afterSequence);
    expect(await next(events)).toMatchObject({ kind, sequence });
    await events.return(undefined);
  });

  it("tells of the same content again, and of nothing that is only kept or elsewhere", async () => {
    const { principal } = await signet.runtime("dev");
    await signet.publish("dev", { n: 1 });
    const events = watch(principal);
    expect(await next(events)).toMatchObject({ sequence: 1 });
    const waiting = next(events);
    await signet.publish("prod", { n: 1 });
    await signet.activate("dev", 1);
    expect(await waiting).toMatchObject({ kind: "activation", sequence: 2, active: { deployment: { version: 1 } } });
    await events.return(undefined);
  });

  it("that is slow skips what was superseded, ends on the newest and never goes back", async () => {
    const { principal } = await signet.runtime("dev");
    const events = watch(principal);
    await next(events);
    for (let n = 1; n <= 20; n += 1) await signet.publish("dev", { n });
    await signet.activate("dev", 3);
    const seen = [await next(events)];
    // One that was being offered at that moment may come before the newest.
    if (seen[0]?.sequence !== 21) seen.push(await next(events));
    expect(seen.at(-1)).toMatchObject({ sequence: 21, active: { deployment: { version: 3 } } });
    expect(seen.map(({ sequence }) => sequence)).toEqual(
      seen.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    );
    await events.return(undefined);
  });

  it("misses nothing that changes between its read and its wait", async () => {
    const { principal } = await signet.runtime("dev");
    await signet.publish("dev", { n: 1 });
    const events = watch(principal);
    await next(events);
    const waiting = next(events);
    signet.moments.afterEnvironmentRead = async () => {
      signet.moments.afterEnvironmentRead = () => {};
      await signet.publish("dev", { n: 3 });
    };
    await signet.publish("dev", { n: 2 });
    expect(await waiting).toMatchObject({ kind: "activation", sequence: 3 });
    await events.return(undefined);
  });

  it("sends a heartbeat with the cursor when nothing happens, and leaves no timer", async () => {
    const { principal } = await signet.runtime("dev");
    const { deploymentId } = await signet.publish("dev");
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    const events = watch(principal);
    await next(events);
    const waiting = next(events);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(700_000);
    const at = signet.clock.now().toISOString();
    expect(await waiting).toEqual({ kind: "heartbeat", proof: null, sequence: 1, deploymentId, at, currentAt: null });
    await events.return(undefined);
    expect(vi.getTimerCount()).toBe(0);
  });

  /** Its watch is open: without force the deletion is refused. */
  const FORCED = { force: true, reason: null };
  const ends: readonly (readonly [string, string, (principal: Principal) => Promise<unknown> | void])[] = [
    ["its token is revoked", "unauthenticated", (p) => signet.services.tokens.revoke(signet.admin, p.tokenId)],
    ["its token is rotated", "unauthenticated", (p) => signet.services.tokens.rotate(signet.admin, p.tokenId, 0)],
    [
      "its environment is deleted",
      "not_found",
      () => signet.services.environments.delete(signet.admin, signet.path("dev"), FORCED),
    ],
    [
      "its project is deleted",
      "not_found",
      () => signet.services.projects.delete(signet.admin, signet.projectId, FORCED),
    ],
    ["the server stops", "unavailable", () => signet.services.sessions.shutdown()],
  ];
  it.each(ends)("ends when %s, and gives its place back", async (_, code, end) => {
    const { principal } = await signet.runtime("dev");
    const events = watch(principal);
    await next(events);
    const waiting = next(events);
    await end(principal);
    await expect(waiting).rejects.toMatchObject({ code });
    expect(signet.services.sessions.count("stream")).toBe(0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    ["revoked", (id: number) => signet.services.tokens.revoke(signet.admin, id)],
    ["rotated", (id: number) => signet.services.tokens.rotate(signet.admin, id, 0)],
  ])("does not begin for a key that was %s after it was checked", async (_, end) => {
    const { principal } = await signet.runtime("dev");
    await end(principal.tokenId);
    await expect(next(watch(principal))).rejects.toMatchObject({ code: "unauthenticated" });
    expect(signet.services.sessions.count("stream")).toBe(0);
  });

  it("leaves no session, listener or timer when the reader returns, throws or goes away", async () => {
    const { principal } = await signet.runtime("dev");
    const gone = new AbortController();
    const returning = watch(principal, 0, gone.signal);
    await next(returning);
    await returning.return(undefined);
    const throwing = watch(principal, 0, gone.signal);
    await next(throwing);
    await expect(throwing.throw(new Error("the reader failed"))).rejects.toThrow("the reader failed");
    expect(signet.services.sessions.count("stream")).toBe(0);
    expect(getEventListeners(gone.signal, "abort")).toHaveLength(0);

    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const aborted = watch(principal, 0, gone.signal);
    await next(aborted);
    const waiting = next(aborted);
    expect(vi.getTimerCount()).toBe(1);
    expect(getEventListeners(gone.signal, "abort")).toHaveLength(1);
    gone.abort(new Error("the reader went away"));
    await expect(waiting).rejects.toThrow("the reader went away");
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(gone.signal, "abort")).toHaveLength(0);
    expect(signet.services.sessions.count("stream")).toBe(0);
  });

  it("is refused when the token has too many open", async () => {
    const { principal } = await signet.runtime("dev");
    const open = [watch(principal), watch(principal), watch(principal)];
    for (const events of open) await next(events);
    await expect(next(watch(principal))).rejects.toMatchObject({ code: "rate_limited" });
    await open[0]?.return(undefined);
    await next(watch(principal));
  });

  it("of a token without an environment is refused", async () => {
    await expect(next(watch(signet.admin))).rejects.toMatchObject({ code: "forbidden" });
    expect(signet.services.sessions.count("stream")).toBe(0);
  });
});
