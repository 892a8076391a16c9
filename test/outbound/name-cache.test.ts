import { beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/clock.js";
import { rememberNames } from "../../src/outbound/name-cache.js";
import type { Resolver } from "../../src/outbound/check-target.js";

describe("the resolver", () => {
  let nowMs: number;
  let asked: string[];
  /** Names whose servers do not answer. */
  let silent: Set<string>;
  let addresses: string[];
  let resolver: Resolver;
  const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };

  beforeEach(() => {
    nowMs = Date.parse("2026-05-01T12:00:00Z");
    asked = [];
    silent = new Set();
    addresses = ["192.0.2.1"];
    const lookup = async (host: string) => {
      asked.push(host);
      if (silent.has(host)) return await new Promise<never>(() => undefined);
      if (host === "gone.example") throw Object.assign(new Error("gone"), { code: "ENOTFOUND" });
      return addresses;
    };
    resolver = rememberNames({ lookup, clock, patienceMs: 1 });
  });

  it("asks again after half a minute, and takes what it is told then", async () => {
    expect(await resolver.resolve("a.example")).toEqual(["192.0.2.1"]);
    addresses = ["192.0.2.2"];
    expect(await resolver.resolve("a.example")).toEqual(["192.0.2.1"]);
    nowMs += 30_000;
    expect(await resolver.resolve("a.example")).toEqual(["192.0.2.2"]);
    expect(asked).toEqual(["a.example", "a.example"]);
  });

  it("answers for a known name while unknown ones wait for servers that never answer", async () => {
    await resolver.resolve("good.example");
    for (let n = 0; n < 1_000; n += 1) {
      silent.add(`dead-${n}.example`);
      void resolver.resolve(`dead-${n}.example`).catch(() => undefined);
    }
    nowMs += 60_000;
    expect(await resolver.resolve("good.example")).toEqual(["192.0.2.1"]);
    // One at a time: the other thread is for names that are known.
    expect(asked.filter((host) => host.startsWith("dead"))).toEqual(["dead-0.example"]);
  });

  it("takes a known name's last addresses for an hour when its own servers, or another known name's, fall silent", async () => {
    await resolver.resolve("other.example");
    await resolver.resolve("good.example");
    silent.add("other.example");
    nowMs += 60_000;
    expect(await resolver.resolve("other.example")).toEqual(["192.0.2.1"]);
    expect(await resolver.resolve("good.example")).toEqual(["192.0.2.1"]);
    nowMs += 3_600_000;
    let isAnswered = false;
    void resolver.resolve("other.example").then(() => (isAnswered = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
  });

  it("forgets a name that is gone", async () => {
    await expect(resolver.resolve("gone.example")).rejects.toThrow("gone");
    await expect(resolver.resolve("gone.example")).rejects.toThrow("gone");
    expect(asked).toHaveLength(2);
  });

  it("lets no more than a thousand unknown names wait", async () => {
    for (let n = 0; n <= 1_000; n += 1) {
      silent.add(`dead-${n}.example`);
      void resolver.resolve(`dead-${n}.example`).catch(() => undefined);
    }
    await expect(resolver.resolve("one-more.example")).rejects.toMatchObject({ code: "EAI_AGAIN" });
  });
});
