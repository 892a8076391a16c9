import { describe, expect, it } from "vitest";
import { patiently } from "../../../src/cli/transfer/patiently.js";
import type { Shell } from "../../../src/cli/shell/shell.js";
import { SignetError } from "../../../src/sdk/index.js";

describe("a call of many", () => {
  const limited = (retryAfterSeconds?: number) =>
    new SignetError("rate_limited", "too many requests", retryAfterSeconds === undefined ? {} : { retryAfterSeconds });

  /** Makes calls that fail with these errors, and then succeed. */
  async function run(errors: readonly Error[], stop?: AbortController) {
    const waits: number[] = [];
    const signal = (stop ?? new AbortController()).signal;
    const shell = { io: { signal }, progress: () => undefined } as unknown as Shell;
    const left = [...errors];
    const call = async () => {
      const error = left.shift();
      if (error !== undefined) throw error;
      return "done";
    };
    const wait = async (ms: number) => {
      waits.push(ms);
      stop?.abort(130);
    };
    const result = await patiently(shell, call, wait).catch((thrown: unknown) => (thrown as Error).message);
    return { result, waits };
  }

  it("waits as long as the server says", async () => {
    expect(await run([limited(7), limited(60)])).toEqual({ result: "done", waits: [7000, 60_000] });
  });

  it("does not wait for anything else, for long, or for ever", async () => {
    expect(await run([new SignetError("unavailable", "gone")])).toEqual({ result: "gone", waits: [] });
    expect(await run([limited()])).toEqual({ result: "too many requests", waits: [] });
    expect(await run([limited(3600)])).toEqual({ result: "too many requests", waits: [] });
    expect((await run(Array.from({ length: 20 }, () => limited(1)))).waits).toHaveLength(10);
  });

  it("ends when it is interrupted", async () => {
    expect(await run([limited(5)], new AbortController())).toEqual({ result: "too many requests", waits: [5000] });
  });
});
