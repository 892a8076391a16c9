import { describe, expect, it } from "vitest";
import { MemoryGuard, type MemoryUse } from "../../src/server/memory-guard.js";
import { bodyMemoryBytes, documentHeapMib, memoryLimits } from "../../src/server/memory-limits.js";

const MIB = 1024 * 1024;
const LIMITS = { heapBytes: 1000, processBytes: 4000, isContained: true };
const FULL = expect.objectContaining({ code: "unavailable", reason: "memory_full", retryAfterSeconds: 1 }) as Error;

function guardOf(use: MemoryUse) {
  const now = { ...use };
  return { now, guard: new MemoryGuard(LIMITS, 80, () => now) };
}

describe("large work", () => {
  it.each([
    ["the heap", { heapBytes: 801, rssBytes: 0 }],
    ["the container's memory", { heapBytes: 0, rssBytes: 3201 }],
  ])("goes on one at a time above the share of %s", (_name, full) => {
    const { now, guard } = guardOf({ heapBytes: 800, rssBytes: 3200 });
    const first = guard.begin();
    const second = guard.begin();
    Object.assign(now, full);
    expect(() => guard.begin()).toThrow(FULL);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(() => guard.begin()).toThrow(FULL);
    second[Symbol.dispose]();
    using _alone = guard.begin();
    expect(() => guard.begin()).toThrow(FULL);
    Object.assign(now, { heapBytes: 0, rssBytes: 0 });
    using _more = guard.begin();
  });

  it("does not begin at all when the heap is nearly full", () => {
    const { now, guard } = guardOf({ heapBytes: 901, rssBytes: 0 });
    expect(() => guard.begin()).toThrow(FULL);
    now.heapBytes = 900;
    guard.begin()[Symbol.dispose]();
  });
});

describe("the memory of bodies", () => {
  it.each([
    ["a large heap", { heapBytes: 8192 * MIB, processBytes: 16384 * MIB }, 512],
    ["a heap of a machine", { heapBytes: 2048 * MIB, processBytes: 4096 * MIB }, 256],
    ["a small heap", { heapBytes: 256 * MIB, processBytes: 4096 * MIB }, 32],
    ["a small container", { heapBytes: 2048 * MIB, processBytes: 512 * MIB }, 64],
  ])("follows %s", (_name, limits, mib) => {
    expect(bodyMemoryBytes({ ...limits, isContained: true })).toBe(mib * MIB);
  });

  it("leaves a thread half of a small container", () => {
    expect(documentHeapMib({ heapBytes: 2048 * MIB, processBytes: 512 * MIB, isContained: true })).toBe(256);
    expect(documentHeapMib({ heapBytes: 2048 * MIB, processBytes: 8192 * MIB, isContained: false })).toBe(512);
  });

  it("is read from this process", () => {
    const { heapBytes, processBytes } = memoryLimits();
    expect(heapBytes).toBeGreaterThan(64 * MIB);
    expect(processBytes).toBeGreaterThan(64 * MIB);
  });
});
