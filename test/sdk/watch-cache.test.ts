import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { parseCachedActivation, type BundleCache, type CachedActivation } from "../../src/sdk/bundle-cache.js";
import type { WatchEvent } from "../../src/sdk/watch-event.js";
import { brief, collect, failAfter, isActivation, scriptedServer, stayOpen, watch } from "./scripted-server.js";
import { heartbeat, otherSigner, push, signedDocument, type PushOptions } from "./signed-push.js";

function memoryCache(initial: CachedActivation | null = null) {
  const kept = { activation: initial };
  const cache: BundleCache = {
    load: async () => kept.activation,
    store: async (activation) => {
      kept.activation = activation;
    },
  };
  return { cache, kept };
}

async function cached(sequence: number, options: PushOptions = {}): Promise<CachedActivation> {
  const signed = await signedDocument({ version: sequence, ...options });
  const activatedAt = "2026-04-22T12:00:05.250Z";
  return { sequence, deploymentId: "d", kind: "publish", version: sequence, activatedAt, ...signed };
}

describe("a watch with a cache", () => {
  it("starts from the cache while the server is away", async () => {
    const { cache } = memoryCache(await cached(4));
    const server = scriptedServer(failAfter(new ConnectError("away", Code.Unavailable)), stayOpen(push(5)));
    const events = await collect(watch(server, { cache }), isActivation(5));
    expect(events.map(brief)).toEqual(["cached 4", "reconnecting unavailable", "connected 5", "5"]);
    expect(server.requests.map(({ afterSequence }) => afterSequence)).toEqual([4, 4]);
  });

  it("verifies what it finds in the cache, and asks the server when it is not good", async () => {
    const { cache, kept } = memoryCache(await cached(4, { signer: otherSigner }));
    const server = scriptedServer(stayOpen(push(4)));
    const events = await collect(watch(server, { cache }), isActivation(4));
    expect(events.map(brief)).toEqual(["rejected 4 unknown_key", "connected 4", "4"]);
    expect(server.requests[0]?.afterSequence).toBe(0);
    expect(kept.activation).toMatchObject({ sequence: 4, document: (await signedDocument({ version: 4 })).document });
  });

  it("keeps the last good activation, not the rejected one", async () => {
    const { cache, kept } = memoryCache();
    const server = scriptedServer(stayOpen(push(1), push(2, { signer: otherSigner })));
    await collect(watch(server, { cache }), ({ type }) => type === "rejected");
    expect(kept.activation?.sequence).toBe(1);
    expect(parseCachedActivation(JSON.stringify(kept.activation))).toEqual(kept.activation);
  });

  it.each([
    ["an hour ago", { confirmedAt: new Date(Date.now() - 3_600_000).toISOString() }, 7_200_000, "cached 4"],
    ["too long ago", { confirmedAt: new Date(Date.now() - 3_600_000).toISOString() }, 1_800_000, "rejected 4 too_old"],
    ["in the future, by a clock that was set back", { confirmedAt: "2999-01-01T00:00:00Z" }, 1, "rejected 4 too_old"],
    ["by a time that is none", { confirmedAt: "yesterday" }, 1, "rejected 4 too_old"],
    ["never, by an older release", {}, 1_800_000, "rejected 4 too_old"],
  ])("tells the age of what was confirmed %s, and refuses it when it is too old", async (_, more, maxAgeMs, first) => {
    const { cache } = memoryCache({ ...(await cached(4)), ...more });
    const server = scriptedServer(stayOpen(push(5)));
    const events = await collect(watch(server, { cache, maxAgeMs }), isActivation(5));
    expect(events.map(brief)).toEqual([first, "connected 5", "5"]);
    const [event] = events;
    if (event?.type === "activation") expect(event.ageMs).toBeGreaterThanOrEqual(3_600_000);
    const last = events.at(-1);
    expect(last?.type === "activation" ? last.ageMs : 0).toBeNull();
    // Without a limit any age will do.
    const unlimited = watch(scriptedServer(stayOpen(push(5))), {
      cache: memoryCache({ ...(await cached(4)), ...more }).cache,
    });
    expect(brief((await unlimited.next()).value as WatchEvent)).toBe("cached 4");
  });

  it("keeps that the server confirmed it, and no copy for each heartbeat", async () => {
    const { cache, kept } = memoryCache(await cached(4));
    let stored = 0;
    const counting: BundleCache = { ...cache, store: (activation) => ((stored += 1), cache.store(activation)) };
    const server = scriptedServer(stayOpen(heartbeat(4), heartbeat(4), heartbeat(4), push(5)));
    await collect(watch(server, { cache: counting }), ({ type }) => type === "heartbeat" && stored > 0);
    expect(kept.activation).toMatchObject({ sequence: 4 });
    expect(Date.now() - Date.parse(kept.activation?.confirmedAt ?? "")).toBeLessThan(60_000);
    await collect(watch(server, { cache: counting }), isActivation(5));
    expect(stored).toBe(3);
    expect(parseCachedActivation(JSON.stringify(kept.activation))).toEqual(kept.activation);
  });

  it("leaves the cache alone when the caller has something newer", async () => {
    const { cache } = memoryCache(await cached(4));
    const server = scriptedServer(stayOpen(heartbeat(6)));
    const events = await collect(watch(server, { cache, afterSequence: 6 }), ({ type }) => type === "heartbeat");
    expect(events.map(brief)).toEqual(["connected 6", "heartbeat"]);
  });

  it("goes on without a cache that cannot be read or written", async () => {
    const broken: BundleCache = {
      load: () => Promise.reject(new Error("no such disk")),
      store: () => Promise.reject(new Error("no such disk")),
    };
    const events = await collect(watch(scriptedServer(stayOpen(push(1))), { cache: broken }), isActivation(1));
    expect(events.map(brief)).toEqual(["cache_failed", "connected 1", "cache_failed", "1"]);
  });
});

describe("parseCachedActivation", () => {
  it.each([
    ["null", "object"],
    ['{"sequence":1}', "deploymentId"],
    ['{"sequence":-1}', "sequence"],
    ['{"sequence":1.5}', "sequence"],
  ])("refuses %s", (text, part) => {
    expect(() => parseCachedActivation(text)).toThrow(part);
  });
});
