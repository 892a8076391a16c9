import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { KeySchema } from "../../../gen/signet/v1/bundle_pb.js";
import { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { streamFormat } from "../../../src/api/rest/stream-format.js";

const watch = { desc: WatchBundleResponseSchema, responseField: undefined };
const activation = create(WatchBundleResponseSchema, {
  sequence: 7,
  event: { case: "activation", value: { sequence: 7, document: '{\r\n "a":\n1}' } },
});

const ERROR = { status: 503, body: '{"code":503}', headers: {} };
const LATER = { ...ERROR, headers: { "retry-after": "7" } };

describe("streamFormat", () => {
  it.each([
    ["text/event-stream", "text/event-stream"],
    ["Text/Event-Stream", "text/event-stream"],
    ["application/json, text/event-stream;q=0.5", "text/event-stream"],
    [undefined, "application/x-ndjson"],
    ["*/*", "application/x-ndjson"],
    ["text/*", "application/x-ndjson"],
    ["text/event-stream;q=0", "application/x-ndjson"],
    ["text/event-stream; q=0.0, */*", "application/x-ndjson"],
    ["application/json", "application/x-ndjson"],
    ["text/event-streams", "application/x-ndjson"],
  ])("accepting %s gets %s", (accept, contentType) => {
    expect(streamFormat(accept, watch).contentType).toBe(contentType);
  });

  it("an event has the name of what is set, the sequence as id, and one line of data", () => {
    const format = streamFormat("text/event-stream", watch);
    const [event, id, data, ...end] = format.message(activation).split("\n");
    expect([event, id, end]).toEqual(["event: activation", "id: 7", ["", ""]]);
    expect(JSON.parse(data?.replace(/^data: /, "") ?? "")).toMatchObject({
      sequence: 7,
      activation: { document: { a: 1 }, attestation: null },
      heartbeat: null,
    });
    const nothing = create(WatchBundleResponseSchema, { event: { case: "nothingActive", value: {} } });
    expect(format.message(nothing)).toMatch(/^event: nothing_active\nid: 0\ndata: \{/);
    expect(format.message(create(WatchBundleResponseSchema))).toMatch(/^event: message\n/);
    expect(format.error(ERROR)).toBe('event: error\ndata: {"code":503}\n\n');
    // Within the second that the error names.
    expect(format.error(LATER)).toMatch(/^retry: (7\d{3}|8000)\nevent: error\ndata: \{"code":503\}\n\n$/);
  });

  it("a message without oneof and sequence is a message without id", () => {
    const format = streamFormat("text/event-stream", { desc: KeySchema, responseField: undefined });
    expect(format.message(create(KeySchema))).toMatch(/^event: message\ndata: \{"key_id":"",.*\}\n\n$/);
  });

  it("lines are single lines, also of one field", () => {
    const format = streamFormat(undefined, watch);
    expect(format.message(activation).indexOf("\n")).toBe(format.message(activation).length - 1);
    expect(format.error(ERROR)).toBe('{"error":{"code":503}}\n');
    expect(format.error(LATER)).toBe('{"error":{"code":503},"retry_after_seconds":7}\n');
    const responseField = WatchBundleResponseSchema.field.sequence;
    expect(streamFormat(undefined, { ...watch, responseField }).message(activation)).toBe("7\n");
  });
});
