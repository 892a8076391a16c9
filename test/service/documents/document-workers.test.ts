import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DocumentWorkers } from "../../../src/service/documents/document-workers.js";

const OWNER = { orgId: "a", tokenId: 1 };
const OPTIONS = { timeoutMs: 60_000, diffTimeoutMs: 60_000, maxHeapMib: 512 };
const SMALL = { kind: "scan", text: '{"a":1}', options: {} } as const;

/** Millions of values: seconds of work. */
const large = (value: number) => `{"v":${value},"a":[${"{},".repeat(2_000_000)}1]}`;
const READ = { kind: "read", policies: large(1), scopePolicies: null } as const;
const DIFF = { kind: "diff", from: large(1), to: large(2) } as const;

describe("a thread for documents", () => {
  it.each([
    ["read", READ, { timeoutMs: 20.04 }, /takes longer than 0.02 seconds: split it/, "document_too_costly"],
    ["compared", DIFF, { diffTimeoutMs: 20 }, /compare them locally/, "diff_too_large"],
    ["read, in memory", READ, { maxHeapMib: 16 }, /more memory than the server has/, "document_too_costly"],
    ["compared, in memory", DIFF, { maxHeapMib: 16 }, /more memory .* compare them locally/, "diff_too_large"],
  ])(
    "ends when a document takes too much to be %s, and another takes its place",
    async (_, task, some, text, reason) => {
      await using workers = new DocumentWorkers({ ...OPTIONS, ...some });
      const refusal = { code: "too_large", reason, message: expect.stringMatching(text) as string };
      await expect(workers.run(task, OWNER)).rejects.toMatchObject(refusal);
      // Of a bound on time alone: a new thread may take longer than that to start.
      if ("maxHeapMib" in some) expect(await workers.run(SMALL, OWNER)).toMatchObject({ kind: "object" });
    },
  );

  it.each([
    ["time", { timeoutMs: 1 }],
    ["memory", { maxHeapMib: 8 }],
  ])("ends when YAML takes too much %s, which is told of its field", async (_what, some) => {
    await using workers = new DocumentWorkers({ ...OPTIONS, ...some });
    const text = "a: 1\n".repeat(10_000).replaceAll("a", () => `k${Math.random()}`);
    const task = { kind: "yaml", field: "policies", text } as const;
    await expect(workers.run(task, OWNER)).rejects.toMatchObject({
      code: "invalid",
      fields: [{ loc: ["body", "policies"], type: "too_complex" }],
    });
  });

  it.each([
    ["before it begins", () => Promise.resolve()],
    ["at its work", () => nextTurn()],
  ])("ends when nobody waits for what it does, %s", async (_name, moment) => {
    await using workers = new DocumentWorkers(OPTIONS);
    const gone = new AbortController();
    const reason = new Error("gone");
    const running = expect(workers.run(DIFF, { ...OWNER, signal: gone.signal })).rejects.toBe(reason);
    const next = workers.run(SMALL, OWNER);
    await moment();
    gone.abort(reason);
    await running;
    expect(await next).toMatchObject({ kind: "object" });
  });
});
