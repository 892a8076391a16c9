import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Site } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { openReader, startAgent, type TestAgent } from "./agents.js";

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
  it.each(["/v1/bundles/latest", "/v1/bundles/latest/content", "/v1/bundles/latest/attestation", "/v1/trust/roots/1"])(
    "is the server's answer to %s",
    async (path) => {
      const [own, servers] = [await agent.get(path), await fromServer(path)];
      expect(await own.text()).toBe(await servers.text());
      expect(own.status).toBe(200);
      for (const name of ["etag", "content-type", "signet-sequence", "signet-deployment-id", "content-digest"]) {
        expect(own.headers.get(name)).toBe(servers.headers.get(name));
      }
    },
  );
});
