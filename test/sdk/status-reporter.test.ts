import { generateKeyPairSync } from "node:crypto";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { RuntimeService, type ReportStatusRequest } from "../../gen/signet/v1/runtime_pb.js";
import { createSignetClient } from "../../src/sdk/client.js";
import { parsePublicKey, type PublicKey } from "../../src/bundle/keys.js";
import { createStatusReporter, type StatusReporterOptions } from "../../src/sdk/status-reporter.js";
import { serverError } from "./scripted-server.js";

type Answer = Error | (() => void) | null;

/** A server that answers the n-th report as the n-th answer says; all that follow are taken. */
const reportedTo = (...answers: Answer[]) => reportedWith({}, ...answers);

function reportedWith(options: Pick<StatusReporterOptions, "keys">, ...answers: Answer[]) {
  const requests: ReportStatusRequest[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(RuntimeService, {
      reportStatus(request) {
        const answer = answers[requests.push(request) - 1] ?? null;
        if (typeof answer === "function") answer();
        else if (answer !== null) throw answer;
        return {};
      },
    });
  });
  const failures: (string | null)[] = [];
  const stop = new AbortController();
  const reporter = createStatusReporter(createSignetClient({ transport, token: "t" }), {
    ...{ instanceId: "i", agent: "test/1", labels: { zone: "a" }, signal: stop.signal, ...options },
    backoff: { baseMs: 1, maxMs: 1, random: () => 0 },
    onFailure: ({ code }, delayMs) => failures.push(delayMs === null ? `${code}, given up` : code),
  });
  return { reporter, requests, failures, stop };
}

const applied = (sequence: number) => ({ state: "applied" as const, sequence, deploymentId: `d${sequence}` });

/** The public half of a key of its own. */
function aKey(): PublicKey {
  const { publicKey } = generateKeyPairSync("ed25519");
  return parsePublicKey(publicKey.export({ type: "spki", format: "pem" }).toString());
}

describe("the keys that an instance trusts", () => {
  it("are told with each report, and again when they changed, without keeping the process alive", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const [first, second] = [aKey(), aKey()];
      let keys = [first];
      const { reporter, requests, stop } = reportedWith({ keys: async () => keys });
      reporter.report(applied(3));
      await reporter.settled();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(requests.map(({ keyIds }) => keyIds)).toEqual([[first.keyId]]);

      keys = [first, second];
      await vi.advanceTimersByTimeAsync(60_000);
      await reporter.settled();
      expect(requests.map(({ keyIds }) => keyIds)).toEqual([[first.keyId], [first.keyId, second.keyId].toSorted()]);
      expect(requests[1]).toMatchObject({ state: "applied", sequence: 3, deploymentId: "d3" });

      stop.abort();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are no reason not to report when they cannot be read", async () => {
    const { reporter, requests } = reportedWith({ keys: () => Promise.reject(new Error("no such file")) });
    reporter.report({ state: "rejected", sequence: 2 });
    await reporter.settled();
    expect(requests).toMatchObject([{ sequence: 2, keyIds: [] }]);
  });
});

describe("a report of an instance", () => {
  it("is not lost to a busy server, a restart, a broken connection, or a proxy", async () => {
    const busy = [
      serverError(Code.ResourceExhausted, "too_many_reports"),
      serverError(Code.Unavailable, "unavailable"),
      new ConnectError("reset", Code.Aborted),
      new ConnectError("<html>", Code.PermissionDenied),
      new ConnectError("no answer", Code.DeadlineExceeded),
    ];
    const { reporter, requests, failures } = reportedTo(...busy);
    reporter.report({ ...applied(3), reason: "why" });
    await reporter.settled();
    expect(requests).toHaveLength(6);
    expect(requests.at(-1)).toMatchObject({
      instanceId: "i",
      agent: "test/1",
      sequence: 3,
      deploymentId: "d3",
      reason: "why",
    });
    expect(failures).toHaveLength(5);
  });

  it("gives its place to a newer one: nobody hears late of what is over", async () => {
    const world: { newer?: () => void } = {};
    const failing = () => {
      world.newer?.();
      throw serverError(Code.Unavailable, "unavailable");
    };
    const { reporter, requests } = reportedTo(failing);
    world.newer = () => reporter.report(applied(4));
    reporter.report(applied(3));
    await reporter.settled();
    expect(requests.map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  it("waits at least as long as the server asks for, and ends with its signal", async () => {
    const { reporter, requests, failures, stop } = reportedTo(
      serverError(Code.ResourceExhausted, "too_many_reports", { "Retry-After": "3600" }),
    );
    reporter.report(applied(1));
    await expect.poll(() => failures).toHaveLength(1);
    stop.abort();
    await reporter.settled();
    reporter.report(applied(2));
    expect(requests).toHaveLength(1);
  });

  it.each([
    [Code.InvalidArgument, "invalid"],
    [Code.Unauthenticated, "unauthenticated"],
  ])("is given up when the server refuses it: code %i", async (code, reason) => {
    const { reporter, requests, failures } = reportedTo(serverError(code, reason));
    reporter.report(applied(1));
    await reporter.settled();
    reporter.report(applied(2));
    await reporter.settled();
    expect(requests.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(failures).toEqual([`${reason}, given up`]);
  });
});
