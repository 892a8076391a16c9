import { connect } from "node:http2";
import { get, type IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { startTestServer } from "../support/server.js";
import { createTestProject } from "./project.js";

describe("reports of a fleet that shares a token", () => {
  it("have a budget of their own by instance: none is lost at the token's rate, and one instance takes it from no other", async () => {
    await using server = await startTestServer({ SIGNET_RATE_LIMIT: "20" });
    const project = await createTestProject(server, "fleet");
    await project.publish("dev", 1);
    const report = async (instance: string, path = "/v1/runtimes/status") => {
      const body = JSON.stringify({ instance_id: instance, reporter: instance, state: "applied", sequence: 1 });
      const headers = { "X-API-Key": project.runtimeToken.dev, "Content-Type": "application/json" };
      return await fetch(`${server.url}${path}`, { method: "POST", headers, body });
    };
    for (let n = 0; n < 60; n += 1) expect((await report(`i${n}`)).status).toBe(200);
    for (let n = 0; n < 59; n += 1) await report("i0");
    const refused = await report("i0");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ detail: { error: "too_many_reports" } });
    expect((await report("i1")).status).toBe(200);
    expect((await report("z1", "/v1/inference/heartbeat")).status).toBe(200);
    // Other calls of the token have their own budget, which no report used up.
    const whoami = await fetch(`${server.url}/v1/whoami`, { headers: { "X-API-Key": project.runtimeToken.dev } });
    expect(whoami.headers.get("x-ratelimit-remaining")).toBe("19");
    // A token that invents names has an end all the same.
    let last = 200;
    for (let n = 0; last === 200 && n < 200; n += 1) last = (await report(`invented-${n}`)).status;
    expect(last).toBe(429);
  });
});

describe("when an instance was seen last", () => {
  it("is what it says, over HTTP/2 its answer to a ping, and never what was written into its socket", async () => {
    await using server = await startTestServer({ SIGNET_HEARTBEAT_MS: "100" });
    const project = await createTestProject(server, "liveness");
    const headers = { "x-api-key": project.runtimeToken.dev };
    const path = "/v1/bundles/watch?instance_id=";
    // The head is read, and nothing after it.
    const stopped = await new Promise<IncomingMessage>((resolve) => {
      get(`${server.url}${path}stopped`, { headers }, resolve);
    });
    const session = connect(server.url);
    const stream = session.request({ ":path": `${path}alive`, ...headers });
    stream.resume();
    const seen = async () => {
      const { data } = await server.admin.runtimes.listRuntimes(project.place.dev);
      const at = (id: string) => data.find(({ instanceId }) => instanceId === id)?.lastSeen;
      const ms = (id: string) => Number(at(id)?.seconds ?? 0n) * 1000 + (at(id)?.nanos ?? 0) / 1e6;
      return { alive: ms("alive"), stopped: ms("stopped") };
    };
    await expect.poll(async () => Math.min(...Object.values(await seen()))).toBeGreaterThan(0);
    const first = await seen();
    await expect.poll(async () => (await seen()).alive - first.alive, { timeout: 20_000 }).toBeGreaterThan(500);
    expect((await seen()).stopped).toBe(first.stopped);
    stopped.destroy();
    session.destroy();
  });
});
