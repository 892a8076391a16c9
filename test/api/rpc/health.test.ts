import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../src/api/listener/limits.js";
import { grpcClient } from "./grpc-js.js";
import { openRig } from "../http/rig.js";

const HEALTH = "grpc.health.v1.Health";

describe("grpc.health.v1", () => {
  test.each(["", "signet.v1.BundleService", "signet.v1.RuntimeService"])("Check of %j is SERVING", async (service) => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    expect(await client.call(HEALTH, "Check", undefined, { service })).toEqual({ status: "SERVING" });
  });

  test("Check of an unknown service is NOT_FOUND, Watch of it says SERVICE_UNKNOWN", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    await expect(client.call(HEALTH, "Check", undefined, { service: "x" })).rejects.toMatchObject({ code: 5 });
    for await (const message of client.stream(HEALTH, "Watch", undefined, { service: "x" })) {
      expect(message).toEqual({ status: "SERVICE_UNKNOWN" });
      break;
    }
  });

  test("List, over Connect JSON, names every service", async () => {
    await using rig = await openRig();
    const answer = await fetch(`${rig.url}/${HEALTH}/List`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(await answer.json()).toMatchObject({
      statuses: { "": { status: "SERVING" }, "signet.v1.BundleService": { status: "SERVING" } },
    });
  });

  test("Watch says NOT_SERVING and ends with UNAVAILABLE when the server shuts down", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    const seen: unknown[] = [];
    const watched = (async () => {
      for await (const { status } of client.stream(HEALTH, "Watch", undefined, { service: "" })) {
        seen.push(status);
        if (seen.length === 1) void rig.server.close(5000);
      }
    })();
    await expect(watched).rejects.toMatchObject({ code: 14 });
    expect(seen).toEqual(["SERVING", "NOT_SERVING"]);
  });

  test("an address may hold 16 watches, and gets a place back when one ends", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    const open = async () => {
      const stream = client.stream(HEALTH, "Watch", undefined, { service: "" });
      const messages = stream[Symbol.asyncIterator]();
      await messages.next();
      return stream;
    };
    const held = [];
    for (let i = 0; i < 16; i++) held.push(await open());
    await expect(open()).rejects.toMatchObject({ code: 8 });
    held[0]?.on("error", () => undefined);
    held[0]?.cancel();
    await expect.poll(async () => await open().catch(() => undefined)).toBeDefined();
  });

  test("when all places are taken the address with most of them makes room", async () => {
    await using rig = await openRig({ limits: { ...DEFAULT_LIMITS, maxHealthWatches: 4 } });
    using many = grpcClient(rig.port);
    const first = async (client: ReturnType<typeof grpcClient>) => {
      const stream = client.stream(HEALTH, "Watch", undefined, { service: "" });
      const ended = new Promise<unknown>((resolve) => stream.on("error", resolve));
      await stream[Symbol.asyncIterator]().next();
      return { stream, ended };
    };
    const held = [await first(many), await first(many), await first(many), await first(many)];
    const other = connectHttp2(rig.url, {
      createConnection: () => connect({ port: rig.port, localAddress: "127.0.0.2" }),
    });
    const watch = other.request({
      ...{ ":method": "POST", ":path": `/${HEALTH}/Watch`, "content-type": "application/grpc", te: "trailers" },
    });
    watch.end(Buffer.alloc(5));
    expect((await once(watch, "data")).length).toBe(1);
    expect(await held[0]?.ended).toMatchObject({ code: 8 });
    expect(rig.limited.names).toEqual(["max_health_watches"]);
    other.destroy();
    for (const { stream } of held.slice(1)) stream.cancel();
  });

  test("a request that is too large is refused: it needs no token", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port);
    const service = "x".repeat(10_000);
    await expect(client.call(HEALTH, "Check", undefined, { service })).rejects.toMatchObject({ code: 8 });
  });
});
