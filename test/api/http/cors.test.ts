import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { KEYS, openRig } from "./rig.js";

const RPC = "/signet.v1.BundleService/ListKeys";
const CONSOLE = "https://console.example.com";

function post(url: string, origin: string) {
  const headers = { origin, "content-type": "application/json", "x-api-key": KEYS.ci };
  return fetch(url, { method: "POST", headers, body: "{}" });
}

/** fetch would write Host itself. */
async function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const all = { ...headers, "content-type": "application/json", "x-api-key": KEYS.ci, "content-length": "2" };
  const sent = request(url, { method: "POST", headers: all }).end("{}");
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

function preflight(url: string, origin: string) {
  const headers = { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" };
  return fetch(url, { method: "OPTIONS", headers });
}

function corsHeaders(answer: Response): string[] {
  return [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));
}

describe("without origins", () => {
  test.each([RPC, "/v1/x"])("a preflight of %s gets nothing", async (path) => {
    await using rig = await openRig();
    const answer = await preflight(rig.url + path, CONSOLE);
    expect(corsHeaders(answer)).toEqual([]);
    expect(answer.headers.has("vary")).toBe(false);
  });

  test.each([RPC, "/v1/x"])(
    "a change of %s from a foreign origin is refused before the key is looked up",
    async (path) => {
      await using rig = await openRig();
      for (const origin of [CONSOLE, "null", "http://127.0.0.1:1", `${rig.url}.example.com`, "junk"]) {
        const answer = await post(rig.url + path, origin);
        expect(answer.status).toBe(403);
        expect(await answer.json()).toMatchObject({ message: "changes from this origin are not allowed" });
        expect(corsHeaders(answer)).toEqual([]);
      }
      expect(rig.authenticated).toEqual([]);
    },
  );

  test("the server's own origin may change, also behind a proxy that ends TLS", async () => {
    await using rig = await openRig();
    expect((await post(rig.url + RPC, rig.url)).status).toBe(200);
    expect((await post(rig.url + RPC, rig.url.replace("http:", "https:"))).status).toBe(200);
  });

  test.each([
    ["a default port in Host", "https://signet.example.com", "signet.example.com:443", 200],
    ["another port in Host", "https://signet.example.com", "signet.example.com:8443", 403],
  ])("its own origin with %s", async (_, origin, host, status) => {
    await using rig = await openRig();
    expect(await statusOf(rig.url + RPC, { origin, host })).toBe(status);
  });

  test.each([
    ["the public origin, whatever Host became", "https://signet.example.com", 200],
    ["the public origin's port", "https://signet.example.com:8443", 403],
    ["what a proxy wrote into Host, which is not where browsers are", "http://upstream:8080", 403],
    ["a foreign one", CONSOLE, 403],
  ])("with a public URL: %s", async (_, origin, status) => {
    await using rig = await openRig({ publicUrls: [{ origin: "https://signet.example.com", path: "/signet" }] });
    for (const path of [RPC, `/signet${RPC}`]) {
      expect(await statusOf(rig.url + path, { origin, host: "upstream:8080" })).toBe(status);
    }
    expect(await statusOf(`${rig.url}/signetx${RPC}`, { origin: "https://signet.example.com" })).not.toBe(403);
  });

  test("a foreign origin may read, though its browser will not show it the answer", async () => {
    await using rig = await openRig();
    const answer = await fetch(`${rig.url}/v1/x`, { headers: { origin: CONSOLE, "x-api-key": KEYS.ci } });
    expect(answer.status).toBe(200);
    expect(corsHeaders(answer)).toEqual([]);
  });

  test("the refusal of an RPC has its protocol's form", async () => {
    await using rig = await openRig();
    const headers = { origin: CONSOLE, "content-type": "application/grpc-web+proto", "x-api-key": KEYS.ci };
    const answer = await fetch(rig.url + RPC, { method: "POST", headers, body: Buffer.alloc(5) });
    expect(await answer.text()).toContain("grpc-status: 7");
  });
});

describe("with origins", () => {
  test.each([RPC, "/v1/x"])("a listed one may preflight and call %s, without credentials", async (path) => {
    await using rig = await openRig({ corsOrigins: [CONSOLE] });
    const asked = await preflight(rig.url + path, CONSOLE);
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(CONSOLE);
    expect(asked.headers.get("access-control-allow-methods")).toMatch(/PATCH/);
    expect(asked.headers.get("access-control-allow-headers")).toMatch(/Connect-Protocol-Version.*X-API-Key/);
    expect(asked.headers.has("access-control-allow-credentials")).toBe(false);

    const answer = await post(rig.url + path, CONSOLE);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(CONSOLE);
    expect(answer.headers.get("vary")).toBe("Origin");
    const exposed = answer.headers.get("access-control-expose-headers")?.toLowerCase();
    for (const name of ["grpc-status", "grpc-status-details-bin", "x-request-id", "etag", "signet-sequence"]) {
      expect(exposed).toContain(name);
    }
  });

  test("another one is refused as ever, and its preflight gets nothing", async () => {
    await using rig = await openRig({ corsOrigins: [CONSOLE] });
    for (const origin of ["https://console.example.com.evil", "http://console.example.com", `${CONSOLE}:444`]) {
      expect(corsHeaders(await preflight(rig.url + RPC, origin))).toEqual([]);
      expect((await post(rig.url + RPC, origin)).status).toBe(403);
    }
    expect((await fetch(`${rig.url}/v1/x`)).headers.get("vary")).toBe("Origin");
  });
});
