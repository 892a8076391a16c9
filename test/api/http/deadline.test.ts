import { describe, expect, test } from "vitest";
import { clampDeadline } from "../../../src/api/http/deadline.js";
import { KEYS, openRig } from "./rig.js";
import { http2Call, openHttp2 } from "./wire.js";

const WATCH = "/signet.v1.RuntimeService/WatchBundle";
const MAX_MS = 2 ** 31 - 1;

describe("deadlines", () => {
  test.each([
    ["grpc-timeout", "8760H", "2147483S"],
    ["grpc-timeout", "99999999H", "2147483S"],
    ["grpc-timeout", "99999999M", "2147483S"],
    ["grpc-timeout", "2147484S", "2147483S"],
    ["grpc-timeout", "2147483S", "2147483S"],
    ["grpc-timeout", "99999999m", "99999999m"],
    ["grpc-timeout", "5S", "5S"],
    ["grpc-timeout", "soon", "soon"],
    ["connect-timeout-ms", "9999999999", "2147483000"],
    ["connect-timeout-ms", "60000", "60000"],
    ["connect-timeout-ms", "soon", "soon"],
  ])("%s of %s becomes %s", (name, sent, expected) => {
    const header = new Headers({ [name]: sent });
    clampDeadline(header);
    expect(header.get(name)).toBe(expected);
  });

  test.each([
    ["application/grpc", "grpc-timeout", "8760H"],
    ["application/grpc-web+proto", "grpc-timeout", "8760H"],
    ["application/connect+proto", "connect-timeout-ms", "9999999999"],
  ])("a year in %s does not end the stream", async (contentType, name, value) => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": contentType, [name]: value, "x-api-key": KEYS.runtime };
    const stream = session.request({ ":method": "POST", ":path": WATCH, ...headers });
    stream.end(Buffer.alloc(5));
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    const context = rig.contexts[0];
    expect(context?.signal.aborted).toBe(false);
    const left = context?.timeoutMs() ?? 0;
    expect(left).toBeGreaterThan(MAX_MS - 60_000);
    expect(left).toBeLessThanOrEqual(MAX_MS);
    stream.close();
  });

  test.each([
    ["application/grpc", "grpc-timeout", "1m"],
    ["application/grpc", "grpc-timeout", "20m"],
  ])("a short one in %s ends the stream", async (contentType, name, value) => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": contentType, [name]: value, "x-api-key": KEYS.runtime };
    const answer = await http2Call(session, WATCH, headers, Buffer.alloc(5));
    expect({ ...answer.headers, ...answer.trailers }).toHaveProperty("grpc-status");
  });

  test("a broken one is refused", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": "application/grpc", "grpc-timeout": "soon", "x-api-key": KEYS.runtime };
    const answer = await http2Call(session, WATCH, headers, Buffer.alloc(5));
    expect({ ...answer.headers, ...answer.trailers }).toMatchObject({ "grpc-status": "3" });
    expect(rig.contexts).toEqual([]);
  });
});
