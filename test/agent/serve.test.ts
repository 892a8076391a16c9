import { writeFile } from "node:fs/promises";
import http from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Site } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { startLocalServer } from "../../src/agent/serve/local-server.js";
import { openReader, startAgent, type TestAgent } from "./agents.js";
import { scratchDirectory } from "./sources.js";

let site: Site;
let agent: TestAgent;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
  agent = await startAgent(site);
  await until(() => agent.source.current !== null);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

async function fromServer(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await fetch(`${site.signet.url}${path}`, { headers: { authorization: `Bearer ${site.token}`, ...headers } });
}

async function publish(): Promise<number> {
  const sequence = await site.publish();
  await until(() => agent.source.current?.sequence === sequence);
  return sequence;
}

describe("a runtime behind an agent", () => {
  it.each([[["sse"]], [["poll"]], [undefined]] as const)("verifies all itself by %j", async (transports) => {
    await using runtime = await openReader(site, agent.url, transports && { transports });
    await runtime.ready();
    for (let change = 0; change < 2; change += 1) {
      const sequence = await publish();
      await until(() => runtime.current?.sequence === sequence);
    }
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null, transport: transports?.[0] ?? "sse" });
    expect(runtime.current?.release?.authors).toHaveLength(2);
  });
});

describe("what an agent answers", () => {
  it.each([
    "/v1/bundles/latest",
    "/v1/bundles/latest/content",
    "/v1/bundles/latest/attestation",
    "/v1/policies/latest",
    "/v1/trust/roots/1",
  ])("is the server's answer to %s", async (path) => {
    const [own, servers] = [await agent.get(path), await fromServer(path)];
    expect(await own.text()).toBe(await servers.text());
    expect(own.status).toBe(200);
    for (const name of ["etag", "content-type", "signet-sequence", "signet-deployment-id", "content-digest"]) {
      expect(own.headers.get(name)).toBe(servers.headers.get(name));
    }
    const head = await fetch(`${agent.url}${path}`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(own.headers.get("content-length"));
  });

  it("is conditional as the server's", async () => {
    const first = await agent.get("/v1/bundles/latest");
    const [etag, id] = [first.headers.get("etag") ?? "", first.headers.get("signet-deployment-id") ?? ""];
    const sequence = first.headers.get("signet-sequence") ?? "";
    for (const [path, headers] of [
      ["/v1/bundles/latest", { "if-none-match": etag }],
      ["/v1/policies/latest", { "if-none-match": `W/${etag}, "other"` }],
      ["/v1/bundles/latest/content", { "if-none-match": "*" }],
      [`/v1/bundles/latest?after_deployment_id=${id}`, {}],
      [`/v1/bundles/latest/attestation?after_sequence=${sequence}`, {}],
      [`/v1/bundles/latest?after_sequence=${sequence}&after_deployment_id=another`, {}],
    ] as const) {
      const [own, servers] = [await agent.get(path, headers), await fromServer(path, headers)];
      expect([path, own.status]).toEqual([path, servers.status]);
      expect(own.headers.get("etag")).toBe(servers.headers.get("etag"));
      expect(await own.text()).toBe(await servers.text());
    }
    expect((await agent.get("/v1/bundles/latest?after_sequence=minus")).status).toBe(422);
  });

  it("comes when there is something new, and not before", async () => {
    const { headers } = await agent.get("/v1/bundles/latest");
    const etag = headers.get("etag") ?? "";
    const held = agent.get("/v1/bundles/latest", { "if-none-match": etag, prefer: "modes=snapshot,delta;wait=60" });
    const sequence = await publish();
    const answer = await held;
    expect(answer.status).toBe(200);
    expect(answer.headers.get("signet-sequence")).toBe(String(sequence));
    expect(answer.headers.get("preference-applied")).toBe("wait=60");
    const short = await agent.get("/v1/bundles/latest", {
      "if-none-match": answer.headers.get("etag") ?? "",
      prefer: "wait=1",
    });
    expect(short.status).toBe(304);
    expect(short.headers.get("signet-lease")).not.toBeNull();
  });

  it.each([
    ["/v1/bundles/watch", "text/event-stream"],
    ["/v1/bundles/watch?content=true&root_version=1", "text/event-stream"],
    ["/v1/bundles/watch", "*/*"],
    ["/v1/policies/watch", "text/event-stream"],
    ["/v1/policies/watch", "*/*"],
  ])("begins a watch of %s, %s, as the server does", async (path, accept) => {
    const own = await firstMessage(await agent.get(path, { accept }));
    const servers = await firstMessage(await fromServer(path, { accept }));
    // What nobody signs, and the fractions of a second: not in the attestation.
    const plain = (message: string) =>
      message
        .replace(/"activated_at":"([^".Z]*)[^"]*"/, '"activated_at":"$1"')
        .replace(/"attestation":.*?"proof":null}/, "");
    expect(plain(own)).toBe(plain(servers));
  });

  it("resumes a watch where its reader was", async () => {
    const { headers } = await agent.get("/v1/bundles/latest");
    const id = `${headers.get("signet-sequence")}.${headers.get("signet-deployment-id")}`;
    const answer = await agent.get("/v1/bundles/watch", { accept: "text/event-stream", "last-event-id": id });
    expect(await firstMessage(answer)).toMatch(/^event: heartbeat\nid: \d+\.[0-9a-f-]+\ndata: \{.*"lease":\{/);
    expect((await agent.get("/v1/bundles/watch", { "last-event-id": "x" })).status).toBe(422);
  });

  it("has the same paths for each of several environments, and none without", async () => {
    const listen = { host: "127.0.0.1", port: 0 };
    const environments = ["dev", "shop/dev"].map((label) => ({ label, source: agent.source }));
    await using server = await startLocalServer({ listen, environments });
    for (const prefix of ["/dev", "/shop/dev"]) {
      expect((await fetch(`${server.url}${prefix}/v1/bundles/latest`)).status).toBe(200);
    }
    const bare = await fetch(`${server.url}/v1/bundles/latest`);
    expect(bare.status).toBe(404);
    expect(await bare.text()).toContain("/dev/v1/…, /shop/dev/v1/…");
    await using runtime = await openReader(site, `${server.url}/shop/dev`);
    await runtime.ready();
    server.serve([{ label: "dev", source: agent.source }]);
    expect((await fetch(`${server.url}/v1/bundles/latest`)).status).toBe(200);
  });

  it("is refused to pages of the web, by their name and by their origin", async () => {
    const asked = async (headers: Readonly<Record<string, string>>) =>
      await new Promise<number>((resolve, reject) => {
        const request = http.get(`${agent.url}/v1/bundles/latest`, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        request.on("error", reject);
      });
    expect(await asked({ host: "evil.example:7070" })).toBe(421);
    expect(await asked({ host: "localhost.evil.example" })).toBe(421);
    expect(await asked({ host: "localhost:7070" })).toBe(200);
    expect(await asked({ host: "[::1]:7070" })).toBe(200);
    expect(await asked({ origin: "http://localhost:3000" })).toBe(403);
    const post = await fetch(`${agent.url}/v1/bundles/latest`, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("listens where others reach it only when that is allowed", async () => {
    const environments = [{ label: "dev", source: agent.source }];
    const listen = { host: "0.0.0.0", port: 0 };
    await expect(startLocalServer({ listen, environments })).rejects.toThrow("reached by others");
    await using health = await startLocalServer({ listen, environments, serves: "health" });
    const port = new URL(health.url).port;
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/v1/bundles/latest`)).status).toBe(404);
  });

  it("comes over a Unix socket, also where a killed agent left one", async () => {
    await using directory = await scratchDirectory();
    const socket = `${directory.path}/agent.sock`;
    const environments = [{ label: "dev", source: agent.source }];
    for (let start = 0; start < 2; start += 1) {
      await using server = await startLocalServer({ listen: { socket }, environments });
      expect(server.url).toBe(`unix:${socket}`);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const options = { socketPath: socket, path: "/v1/bundles/latest", headers: { host: "any" } };
        http.get(options, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
      });
      expect(status).toBe(200);
      await expect(startLocalServer({ listen: { socket }, environments })).rejects.toThrow("EADDRINUSE");
    }
    await writeFile(socket, "a file of somebody");
    await expect(startLocalServer({ listen: { socket }, environments })).rejects.toThrow("EADDRINUSE");
  });

  it("is 503 while it has nothing, and again when what it has is expired and closed", async () => {
    const away = { source: { url: "http://127.0.0.1:1" } };
    await using empty = await startAgent(site, away);
    for (const path of ["/v1/bundles/latest", "/v1/bundles/latest/attestation", "/v1/policies/latest", "/readyz"]) {
      expect([path, (await empty.get(path)).status]).toEqual([path, 503]);
    }
    expect(await (await empty.get("/v1/bundles/latest")).json()).toMatchObject({ detail: { error: "not_ready" } });
    expect((await empty.get("/healthz")).status).toBe(200);
    expect(await firstMessage(await empty.get("/v1/bundles/watch"))).toContain('"heartbeat":{"at":"');
    await using directory = await scratchDirectory();
    let aheadMs = 0;
    const now = () => new Date(Date.now() + aheadMs);
    const onExpired = "close";
    await using closing = await startAgent(site, { directory: directory.path, source: { onExpired, now } });
    await until(() => closing.source.current !== null);
    expect((await closing.get("/v1/bundles/latest")).status).toBe(200);
    aheadMs = 3_600_000;
    expect(await (await closing.get("/v1/bundles/latest")).json()).toMatchObject({ detail: { error: "expired" } });
    expect((await closing.get("/readyz")).status).toBe(503);
    expect((await closing.get("/v1/trust/roots/1")).status).toBe(200);
  });

  it("is 404 while it is proven that nothing is active", async () => {
    await using bare = await Site.open();
    await using nothing = await startAgent(bare);
    await until(() => nothing.source.proof.lease !== null);
    expect((await nothing.get("/v1/bundles/latest")).status).toBe(404);
    expect((await nothing.get("/v1/policies/latest")).status).toBe(404);
    expect(await (await nothing.get("/v1/bundles/latest/attestation")).json()).toEqual({ lease: expect.anything() });
    expect(await firstMessage(await nothing.get("/v1/bundles/watch"))).toContain('"nothing_active":{"attestation":{');
    expect(await firstMessage(await nothing.get("/v1/policies/watch"))).toContain(
      '"nothing_active":{"attestation":null}',
    );
    const held = nothing.get("/v1/bundles/latest", { prefer: "wait=60" });
    await bare.publish();
    expect((await held).status).toBe(200);
  });

  it("is the disk's while the server is away after a restart", async () => {
    await using directory = await scratchDirectory();
    {
      await using before = await startAgent(site, { directory: directory.path });
      await until(() => before.source.current !== null);
      await before.source.current?.document();
    }
    const source = { url: "http://127.0.0.1:1" };
    await using after = await startAgent(site, { directory: directory.path, source });
    await using runtime = await openReader(site, after.url);
    expect((await runtime.ready()).sequence).toBe(after.source.current?.sequence);
    expect(runtime.status.state).toBe("fresh");
    expect((await after.get("/v1/policies/latest")).status).toBe(200);
    const metrics = await (await after.get("/metrics")).text();
    expect(metrics).toContain('signet_agent_environment_from_disk{environment="dev"} 1');
    expect(metrics).toMatch(/signet_agent_answers_from_disk_total\{environment="dev"\} [1-9]/);
    expect(metrics).toContain('signet_agent_environment_state{environment="dev",state="fresh"} 1');
  });

  it("holds as many readers as it may, and tells the others to come again", async () => {
    await using small = await startAgent(site, { server: { maxReaders: 1 } });
    await until(() => small.source.current !== null);
    const watch = await small.get("/v1/bundles/watch");
    const refused = await small.get("/v1/bundles/watch");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "10"]);
    expect(await refused.json()).toMatchObject({ detail: { error: "too_many_readers" } });
    await watch.body?.cancel();
    let status = 503;
    while (status === 503) {
      const again = await small.get("/v1/bundles/watch");
      status = again.status;
      await again.body?.cancel();
    }
    expect(await (await small.get("/metrics")).text()).toMatch(/signet_agent_readers_refused_total [1-9]/);
  });

  it("costs the server one stream, however many read", async () => {
    const streams = async () => {
      const { orgId, admin } = site.signet;
      const { data } = await admin.runtimes.listRuntimes({ orgId, projectId: site.projectId, envName: "dev" });
      return data.filter(({ connected }) => connected).map(({ instanceId }) => instanceId);
    };
    await using many = await startAgent(site, { source: { instanceId: "one-stream" } });
    await until(() => many.source.current !== null);
    const etag = (await many.get("/v1/bundles/latest")).headers.get("etag") ?? "";
    const reading = Array.from({ length: 40 }, async (_, index) => {
      if (index % 2 === 0) return await many.get("/v1/bundles/latest", { "if-none-match": etag, prefer: "wait=60" });
      return await many.get(`/v1/bundles/watch?instance_id=reader-${index}`);
    });
    const readers = async () => await (await many.get("/metrics")).text();
    while (!(await readers()).includes('signet_agent_readers{kind="poll"} 20'));
    expect((await streams()).filter((name) => name === "one-stream" || name.startsWith("reader-"))).toEqual([
      "one-stream",
    ]);
    const sequence = await publish();
    for (const answer of await Promise.all(reading)) {
      if (answer.headers.get("content-type") === "application/json")
        expect(answer.headers.get("signet-sequence")).toBe(String(sequence));
      else await answer.body?.cancel();
    }
  });

  it("passes reports of its readers on to the fleet view", async () => {
    await using runtime = await openReader(site, agent.url, { instanceId: "behind" });
    const { sequence } = await runtime.ready();
    const { orgId, admin } = site.signet;
    const found = async () => {
      const { data } = await admin.runtimes.listRuntimes({ orgId, projectId: site.projectId, envName: "dev" });
      return data.find(({ instanceId }) => instanceId === "behind");
    };
    let instance = await found();
    while (instance === undefined) instance = await found();
    expect(instance).toMatchObject({ state: "applied", appliedSequence: sequence });
    const post = async (body: string) => await fetch(`${agent.url}/v1/runtimes/status`, { method: "POST", body });
    expect((await post("{")).status).toBe(400);
    expect((await post('{"instance_id":"","state":"applied","sequence":1}')).status).toBe(422);
    expect((await post(`"${"x".repeat(70_000)}"`)).status).toBe(413);
    const good = JSON.stringify({ instance_id: "by-hand", state: "applied", sequence });
    expect(await (await post(good)).json()).toEqual({ newest_sequence: agent.source.proof.sequence });
    const counts = async () => await (await agent.get("/metrics")).text();
    const unchanged = async () => Number(/outcome="unchanged"} (\d+)/.exec(await counts())?.[1]);
    while ((await unchanged()) === 0) await post(good);
  });

  it("counts decisions of an OPA, packed or not", async () => {
    const decisions = JSON.stringify([{ decision_id: "1" }, { decision_id: "2" }]);
    const post = async (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
      await fetch(`${agent.url}/v1/opa/logs`, { method: "POST", body: new Uint8Array(Buffer.from(body)), headers });
    expect((await post(decisions)).status).toBe(200);
    expect(await (await post(gzipSync(decisions), { "content-encoding": "gzip" })).json()).toEqual({ accepted: 2 });
    expect((await post(gzipSync(Buffer.alloc(5_000_000)), { "content-encoding": "gzip" })).status).toBe(413);
    expect((await post("{}")).status).toBe(400);
    expect(await (await agent.get("/metrics")).text()).toContain(
      'signet_agent_opa_decisions_total{environment="dev"} 4',
    );
  });

  it("ends its streams when it stops", async () => {
    const stopping = await startAgent(site);
    await until(() => stopping.source.current !== null);
    const etag = (await stopping.get("/v1/bundles/latest")).headers.get("etag") ?? "";
    const watch = await stopping.get("/v1/bundles/watch", { accept: "text/event-stream" });
    const held = stopping.get("/v1/bundles/latest", { "if-none-match": etag, prefer: "wait=60" });
    while (!(await (await stopping.get("/metrics")).text()).includes('signet_agent_readers{kind="poll"} 1'));
    await stopping[Symbol.asyncDispose]();
    expect((await held).status).toBe(503);
    expect(await watch.text()).toMatch(/retry: \d+\nevent: error\ndata: \{.*"stopping"/);
  });
});

/** The first message of a stream, which is left then. */
async function firstMessage(answer: Response): Promise<string> {
  expect(answer.status).toBe(200);
  const end = answer.headers.get("content-type") === "text/event-stream" ? "\n\n" : "\n";
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes(end)) break;
  }
  return text.slice(0, text.indexOf(end));
}
