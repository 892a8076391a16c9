import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { grpcClient } from "../rpc/grpc-js.js";
import { KEYS, openRig, ORG, type Rig } from "../http/rig.js";
import { closed, http2Call, openHttp2, RawConnection } from "../http/wire.js";

const PUBLISH = "/signet.v1.BundleService/PublishBundle";
const WATCH = "/signet.v1.RuntimeService/WatchBundle";
const LATEST = "/signet.v1.RuntimeService/GetLatestBundle";
const SLOW = JSON.stringify({ orgId: ORG, policies: "{}", title: "wait" });

function publish(rig: Rig) {
  const headers = { "content-type": "application/json", "x-api-key": KEYS.ci };
  return fetch(rig.url + PUBLISH, { method: "POST", headers, body: SLOW });
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return await new Promise((resolve) => {
    socket.once("error", () => resolve(true));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

describe("closing", () => {
  test("lets requests in flight finish in HTTP/1.1, and refuses new connections meanwhile", async () => {
    await using rig = await openRig();
    const slow = publish(rig);
    await rig.gate.entered();
    const closing = rig.server.close(10_000);
    expect(await refusesConnections(rig.port)).toBe(true);
    rig.gate.release();
    const answer = await slow;
    expect(answer.status).toBe(200);
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.json()).toMatchObject({ version: 7 });
    await closing;
  });

  test("lets requests in flight finish in HTTP/2, after a GOAWAY", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const goaway = once(session, "goaway");
    const headers = { "content-type": "application/json", "x-api-key": KEYS.ci };
    const slow = http2Call(session, PUBLISH, headers, SLOW);
    await rig.gate.entered();
    const closing = rig.server.close(10_000);
    await goaway;
    rig.gate.release();
    expect((await slow).headers[":status"]).toBe(200);
    await closing;
  });

  test("lets a REST request in flight finish", async () => {
    await using rig = await openRig();
    const slow = fetch(`${rig.url}/v1/wait`, { headers: { "x-api-key": KEYS.ci } });
    await rig.gate.entered();
    const closing = rig.server.close(10_000);
    rig.gate.release();
    expect(await (await slow).text()).toBe("rest");
    await closing;
  });

  test("ends streams with UNAVAILABLE in gRPC, also when the implementation just returns", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    const watched = (async () => {
      for await (const _ of client.stream("signet.v1.RuntimeService", "WatchBundle", KEYS.runtime, {})) {
        void rig.server.close(10_000);
      }
    })();
    await expect(watched).rejects.toMatchObject({ code: 14, details: "the server is shutting down" });
  });

  test.each([
    ["application/grpc-web+proto", "grpc-status: 14"],
    ["application/connect+proto", '"code":"unavailable"'],
  ])("ends streams with unavailable in %s over HTTP/1.1", async (contentType, expected) => {
    await using rig = await openRig();
    const headers = { "content-type": contentType, "x-api-key": KEYS.runtime };
    const answer = await fetch(rig.url + WATCH, { method: "POST", headers, body: Buffer.alloc(5) });
    const closing = rig.server.close(10_000);
    expect(await answer.text()).toContain(expected);
    await closing;
  });

  test("ends held polls with unavailable", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": "application/json", "x-api-key": KEYS.runtime, prefer: "wait=60" };
    const held = http2Call(session, LATEST, headers, "{}");
    await expect.poll(() => rig.contexts.length).toBe(1);
    const closing = rig.server.close(10_000);
    expect((await held).headers[":status"]).toBe(503);
    await closing;
  });

  test("closes idle connections of both kinds at once, and those that said nothing", async () => {
    await using rig = await openRig();
    using kept = new RawConnection(rig.port);
    await kept.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await kept.until("1.2.3");
    using silent = new RawConnection(rig.port);
    await once(silent.socket, "connect");
    using session = openHttp2(rig.url);
    await http2Call(session, "/healthz", { ":method": "GET" }, "");
    const ended = closed(session);
    await rig.server.close(60_000);
    await Promise.all([kept.closed(), silent.closed(), ended]);
  });

  test("destroys what is left after the grace time", async () => {
    await using rig = await openRig();
    const slow = publish(rig);
    await rig.gate.entered();
    await Promise.all([rig.server.close(30), expect(slow).rejects.toThrow()]);
    rig.gate.release();
  });

  test("twice is as good as once", async () => {
    await using rig = await openRig();
    await Promise.all([rig.server.close(100), rig.server.close(100)]);
    await rig.server.close(100);
  });
});
