import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { Frames } from "../../../src/api/watch/frames.js";
import { restWire } from "../../../src/api/watch/watch-wire.js";
import type { Sink } from "../../../src/api/watch/response-sink.js";
import type { WatchReport } from "../../../src/api/http/watch-contract.js";
import { WatchStream } from "../../../src/api/watch/watch-stream.js";
import { watchedMethod } from "../../../src/api/watch/watch-view.js";
import { AppError } from "../../../src/core/error.js";
import type { WatchEvent } from "../../../src/service/runtimes/watch.js";

const heartbeat = (sequence: number): WatchEvent => ({
  ...{ kind: "heartbeat", sequence, deploymentId: null, proof: null, at: "2026-05-01T12:00:00.000Z", currentAt: null },
});

/** A stream into a sink whose calls are noted, and fail from a moment on that the test chooses. */
function open() {
  const seen: string[] = [];
  const state = { isBroken: false };
  const note = (what: string) => {
    seen.push(what);
    if (state.isBroken && what !== "destroy") throw new Error("a defect of the sink");
    return true;
  };
  const sink: Sink = {
    begin: () => void note("begin"),
    flush: () => void note("flush"),
    write: () => note("write"),
    end: () => void note("end"),
    ask: () => void note("ask"),
    destroy: () => void note("destroy"),
  };
  const open = { count: 0 };
  const streams = { opened: () => void (open.count += 1), closed: () => void (open.count -= 1) };
  const report: WatchReport = { requestId: "r", protocol: "rest", error: undefined };
  const { method } = RuntimeService;
  const view = watchedMethod(method.watchBundle).view(create(method.watchBundle.input));
  const never = () => Promise.reject(new Error("not asked for here"));
  const frames = new Frames({ of: never }, { of: never, peek: () => undefined });
  const stream = new WatchStream(frames, restWire(undefined, view.content), view, report, streams);
  let closed = 0;
  stream.into(sink);
  stream.opened({ ready: () => undefined, close: () => void (closed += 1) });
  return { stream, seen, state, report, open, closed: () => closed };
}

describe("a defect of one stream", () => {
  it("cuts it, and does not reach who writes to all of them", () => {
    const { stream, seen, state, report, open: opened, closed } = open();
    expect(stream.send(heartbeat(1))).toBe(true);
    state.isBroken = true;
    expect(stream.send(heartbeat(2))).toBe(true);
    expect(seen).toEqual(["begin", "write", "write", "destroy"]);
    expect([closed(), opened.count, report.error?.code]).toEqual([1, 0, "internal"]);
    // Nothing more is written, whoever still has it on a list.
    stream.send(heartbeat(3));
    stream.end(new AppError("unavailable", "bye"));
    expect(seen).toHaveLength(4);
  });

  it("at its end does not reach who ends all of them", () => {
    const { stream, seen, state, closed } = open();
    stream.send(heartbeat(1));
    state.isBroken = true;
    stream.end(new AppError("unavailable", "bye"));
    expect(seen).toEqual(["begin", "write", "end", "destroy"]);
    expect(closed()).toBe(1);
  });

  it("before its first message is told to who opens it", () => {
    const { stream, state } = open();
    state.isBroken = true;
    expect(() => stream.send(heartbeat(1))).toThrow("a defect");
  });
});
