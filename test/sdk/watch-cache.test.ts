import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { parseCachedActivation, type BundleCache, type CachedActivation } from "../../src/sdk/bundle-cache.js";
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
