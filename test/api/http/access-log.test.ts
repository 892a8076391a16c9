import { describe, expect, test } from "vitest";
import { KEYS, openRig, ORG, type Rig } from "./rig.js";
import { http2Call, openHttp2 } from "./wire.js";

const PUBLISH = "/signet.v1.BundleService/PublishBundle";

function publish(rig: Rig, body: string, headers: Record<string, string> = {}) {
  const all = { "content-type": "application/json", "x-api-key": KEYS.ci, "x-request-id": "r-1", ...headers };
  return fetch(`${rig.url}${PUBLISH}?secret=in-query`, { method: "POST", headers: all, body });
}

async function lines(rig: Rig, count: number) {
  await expect.poll(() => rig.logLines.length).toBe(count);
  return rig.logLines;
}

describe("the log", () => {
  test("has one line for each request, without headers, query or secrets", async () => {
    await using rig = await openRig();
    await publish(rig, JSON.stringify({ orgId: ORG, policies: "{}" }), { authorization: "Bearer other-secret" });
    const [line] = await lines(rig, 1);
    expect(line).toMatchObject({
      level: 30,
      requestId: "r-1",
      protocol: "connect",
      http: "1.1",
      method: "POST",
      path: PUBLISH,
      operationId: "publishBundle",
      status: 200,
      keyPrefix: "sgnt_ci",
      clientAddress: "127.0.0.1",
      msg: "request",
    });
    expect(line?.["durationMs"]).toBeGreaterThanOrEqual(0);
    for (const secret of [KEYS.ci, "other-secret", "in-query"]) expect(JSON.stringify(line)).not.toContain(secret);
  });

  test("tells the code of what was refused, whoever refused it", async () => {
    await using rig = await openRig();
    await publish(rig, "{}", { "x-api-key": "wrong" });
    await publish(rig, "{", {});
    await publish(rig, JSON.stringify({ title: 5 }));
    await publish(rig, JSON.stringify({ orgId: ORG, policies: "{}", title: "conflict" }));
    await fetch(`${rig.url}/v1/x`);
    const seen = (await lines(rig, 5)).map(({ code, protocol, status }) => [protocol, status, code]);
    expect(seen).toEqual([
      ["connect", 401, "unauthenticated"],
      ["connect", 400, "malformed"],
      ["connect", 400, "malformed"],
      ["connect", 409, "conflict"],
      ["rest", 400, "unauthenticated"],
    ]);
  });

  test("has the cause of a defect once, at level error, and the answer has nothing of it", async () => {
    await using rig = await openRig();
    const answer = await publish(rig, JSON.stringify({ orgId: ORG, policies: "{}", title: "boom" }));
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("SELECT");
    const [defect, line] = await lines(rig, 2);
    expect(defect).toMatchObject({ level: 50, requestId: "r-1", operationId: "publishBundle", code: "internal" });
    expect(JSON.stringify(defect)).toContain("SELECT secret FROM tokens");
    expect(line).toMatchObject({ level: 30, code: "internal", status: 500 });
  });

  test("says that a client went away, and probes are at level debug", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": "application/grpc", "x-api-key": KEYS.runtime };
    const stream = session.request({ ":method": "POST", ":path": "/signet.v1.RuntimeService/WatchBundle", ...headers });
    stream.end(Buffer.alloc(5));
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    stream.close(8);
    expect((await lines(rig, 1))[0]).toMatchObject({ protocol: "grpc", http: "2.0", aborted: true });
    await http2Call(session, "/healthz", { ":method": "GET" }, "");
    expect((await lines(rig, 2))[1]).toMatchObject({ level: 20, protocol: "probe", path: "/healthz" });
  });
});
