import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import { useServices } from "../fixture.js";

describe("latest", () => {
  const signet = useServices();
  afterEach(() => {
    vi.useRealTimers();
  });

  const reader = new AbortController();
  function latest(principal: Principal, ifNoneMatch: string[], waitSeconds = 0, signal = reader.signal) {
    const cursor = { afterSequence: 0, afterDeploymentId: "" };
    const request = { ...cursor, ifNoneMatch, waitSeconds, clientAddress: "192.0.2.1" };
    return signet.services.latest.latest(principal, request, signal);
  }

  it.each([
    ["nothing", () => [], false],
    ["the tag of this activation", (hash: string) => [`${hash}.1`], true],
    ["the hash alone", (hash: string) => [hash], true],
    ["any", () => ["*"], true],
    ["a list with it", (hash: string) => ["x", `${hash}.1`], true],
    ["the tag of another activation of the same content", (hash: string) => [`${hash}.2`], false],
    ["the hash of another content", () => [`sha256:${"0".repeat(64)}`], false],
  ])("with %s in If-None-Match", async (_, tags, notModified) => {
    const { principal } = await signet.runtime("dev");
    const { bundle } = await signet.publish("dev");
    const found = await latest(principal, tags(bundle.policyHash));
    expect(found.known).toBe(notModified ? "tag" : null);
    expect(found.active.deployment.sequence).toBe(1);
  });

  it("is not found while nothing is active, whatever the caller has", async () => {
    const { principal } = await signet.runtime("dev");
    await signet.publish("prod");
    await expect(latest(principal, ["*"])).rejects.toMatchObject({ code: "not_found" });
  });

  it("holds a poll until something is active", async () => {
    const { principal } = await signet.runtime("dev");
    const held = latest(principal, [], 300);
    await vi.waitFor(() => expect(signet.services.sessions.count("poll")).toBe(1));
    await signet.publish("dev", { n: 1 });
    expect((await held).active.deployment.sequence).toBe(1);
    expect(signet.services.sessions.count("poll")).toBe(0);
  });

  it("misses nothing that becomes active while it reads", async () => {
    const { principal } = await signet.runtime("dev");
    let reads = 0;
    signet.moments.afterEnvironmentRead = async () => {
      reads += 1;
      if (reads === 1) await signet.publish("dev", { n: 1 });
    };
    expect((await latest(principal, [], 300)).active.deployment.sequence).toBe(1);
    expect(signet.services.sessions.count("poll")).toBe(0);
  });

  it("holds a poll while the caller has what is active, and answers the same content again", async () => {
    const { principal } = await signet.runtime("dev");
    const { bundle } = await signet.publish("dev");
    const held = latest(principal, [`${bundle.policyHash}.1`], 300);
    await vi.waitFor(() => expect(signet.services.sessions.count("poll")).toBe(1));
    await signet.activate("dev", 1);
    expect(await held).toMatchObject({ known: null, active: { deployment: { sequence: 2 } } });
  });

  it("answers not modified when the time is over, and leaves nothing behind", async () => {
    const { principal } = await signet.runtime("dev");
    const { bundle } = await signet.publish("dev");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { signal } = new AbortController();
    const held = latest(principal, [bundle.policyHash], 1000, signal);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    // No longer than the longest time, whatever was asked for.
    await vi.advanceTimersByTimeAsync(300_000);
    expect((await held).known).toBe("tag");
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(signet.services.sessions.count("poll")).toBe(0);
  });

  it.each([
    ["revoked", (id: number) => signet.services.tokens.revoke(signet.admin, id)],
    ["rotated", (id: number) => signet.services.tokens.rotate(signet.admin, id, 0)],
  ])("does not hold a poll for a key that was %s after it was checked", async (_, end) => {
    const { principal } = await signet.runtime("dev");
    const { bundle } = await signet.publish("dev");
    await end(principal.tokenId);
    const gone = new AbortController();
    const held = latest(principal, [bundle.policyHash], 300, gone.signal);
    const settled = held.then(
      () => "answered",
      (error: { code: string }) => error.code,
    );
    const waiting = vi.waitFor(() => expect(getEventListeners(gone.signal, "abort")).toHaveLength(1));
    const first = await Promise.race([settled, waiting.then(() => "held")]);
    gone.abort(new Error("the end of the test"));
    await Promise.allSettled([settled, waiting]);
    expect(first).toBe("unauthenticated");
  });

  it("ends a held poll when the caller goes away", async () => {
    const { principal } = await signet.runtime("dev");
    const gone = new AbortController();
    const held = latest(principal, [], 300, gone.signal);
    await vi.waitFor(() => expect(getEventListeners(gone.signal, "abort")).toHaveLength(1));
    gone.abort(new Error("gone"));
    await expect(held).rejects.toThrow("gone");
    expect(signet.services.sessions.count("poll")).toBe(0);
    expect(getEventListeners(gone.signal, "abort")).toHaveLength(0);
  });
});
