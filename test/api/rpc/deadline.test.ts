import { describe, expect, test } from "vitest";
import { clampDeadline } from "../../../src/api/rpc/deadline.js";
import { KEYS, openRig, ORG } from "../http/rig.js";
import { frame, http2Call, openHttp2 } from "../http/wire.js";

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

  const forms = [
    ["application/grpc", "grpc-timeout", "50m"],
    ["application/grpc-web+proto", "grpc-timeout", "50m"],
    ["application/connect+proto", "connect-timeout-ms", "50"],
    ["application/proto", "connect-timeout-ms", "50"],
  ] as const;
  const held = [
    ["a watch", WATCH, {}, [], true],
    ["a watch of health", "/grpc.health.v1.Health/Watch", {}, [], true],
    ["a held poll", "/signet.v1.RuntimeService/GetLatestBundle", { prefer: "wait=30" }, [], false],
    [
      "work that goes on",
      "/signet.v1.BundleService/PublishBundle",
      { "x-api-key": KEYS.admin },
      // org_id, policies: "{}" and title: "wait".
      [...[0x0a, ORG.length, ...Buffer.from(ORG)], ...[0x22, 2, 0x7b, 0x7d], ...[0x3a, 4, ...Buffer.from("wait")]],
      false,
    ],
  ] as const;
  const cases = held.flatMap(([name, path, headers, message, isStream]) =>
    forms
      .filter(([type]) => (type === "application/proto" ? !isStream : isStream || !type.includes("connect+")))
      .map(([type, header, value]) => ({ name, path, headers, message, type, header, value })),
  );
  test.each(cases)("of $name end with DEADLINE_EXCEEDED ($type)", async (call) => {
    const { path, headers, message, type, header, value } = call;
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const body = Buffer.from(message);
    const given = { "x-api-key": KEYS.runtime, "content-type": type, [header]: value, te: "trailers", ...headers };
    const answer = await http2Call(session, path, given, type === "application/proto" ? body : frame(0, body));
    expect(answer.rstCode).toBe(0);
    const said = { ...answer.headers, ...answer.trailers };
    const text = answer.body.toString("latin1");
    if (type === "application/grpc") expect(said).toMatchObject({ "grpc-status": "4" });
    else if (type.startsWith("application/grpc-web"))
      expect(said["grpc-status"] ?? text).toMatch(/^4$|grpc-status: ?4/);
    else expect(text).toContain('"code":"deadline_exceeded"');
    await expect.poll(() => rig.finished.map(({ status }) => status)).toEqual([504]);
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
