import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { openHttp2, RawConnection } from "../api/http/wire.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

const MIB = 1024 * 1024;

/** A server with a document of 2 MiB, and room for 8 MiB of answers that wait. */
async function openLarge() {
  const signet = await startTestServer({ SIGNET_MAX_ANSWER_MEMORY_BYTES: String(8 * MIB) });
  const { admin, orgId, projectId } = signet;
  const policies = JSON.stringify({ text: randomBytes(MIB).toString("hex") });
  const environment = { orgId, projectId, envName: "dev" };
  await admin.bundles.publishBundle({ ...environment, policies });
  const path = `/v1/orgs/${orgId}/projects/${projectId}/envs/dev/bundles/1/document`;
  return { signet, environment, path };
}

/** Asks over HTTP/2 and grants no window: whatever is large waits. Says how each request was answered. */
async function askWithoutReading(session: ReturnType<typeof openHttp2>, path: string, headers: object, count: number) {
  const asked = Array.from({ length: count }, async () => {
    const stream = session.request({ ":path": path, ...headers });
    stream.on("error", () => undefined);
    return await new Promise<number>((resolve) => {
      stream.once("response", ({ ":status": status }) => resolve(Number(status)));
      stream.once("close", () => resolve(0));
    });
  });
  return await Promise.all(asked);
}

async function ciTokenOf({ admin, orgId, projectId }: TestServer): Promise<string> {
  return (await admin.tokens.createCiToken({ orgId, projectId, name: "ci" })).rawKey ?? "";
}

describe("answers that their client does not take", () => {
  test("stop the token from getting more, and nobody else", async () => {
    const { signet, path } = await openLarge();
    await using _signet = signet;
    using session = openHttp2(signet.url);
    const statuses = await askWithoutReading(session, path, { "x-api-key": ADMIN_TOKEN }, 30);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(6);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    const refused = await fetch(`${signet.url}${path}`, { headers: { "x-api-key": ADMIN_TOKEN } });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(JSON.stringify(await refused.json())).toContain("too_many_answers");
    session.destroy();
    const statusNow = async () => {
      const answer = await fetch(`${signet.url}${path}`, { headers: { "x-api-key": ADMIN_TOKEN } });
      await answer.arrayBuffer();
      return answer.status;
    };
    await expect.poll(statusNow, { timeout: 20_000 }).toBe(200);
  });

  test("of one token leave room for others", async () => {
    const { signet, path } = await openLarge();
    await using _signet = signet;
    const ci = await ciTokenOf(signet);
    using session = openHttp2(signet.url);
    await askWithoutReading(session, path, { "x-api-key": ADMIN_TOKEN }, 10);
    const answer = await fetch(`${signet.url}${path}`, { headers: { "x-api-key": ci } });
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(2 * MIB);
  });

  test("in gRPC count as well", async () => {
    const { signet, environment, path } = await openLarge();
    await using _signet = signet;
    using session = openHttp2(signet.url);
    await askWithoutReading(session, path, { "x-api-key": ADMIN_TOKEN }, 10);
    await expect(signet.admin.bundles.listBundles(environment)).rejects.toThrow(/too many large responses/);
  });

  test("over HTTP/1.1 are worked on one after the other", async () => {
    const { signet, path } = await openLarge();
    await using _signet = signet;
    using attacker = new RawConnection(Number(new URL(signet.url).port));
    attacker.socket.pause();
    await attacker.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${ADMIN_TOKEN}\r\n\r\n`.repeat(60));
    const answer = await fetch(`${signet.url}${path}`, { headers: { "x-api-key": ADMIN_TOKEN } });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  });
});

test("who has no token left loses the connection that it opened", async () => {
  await using signet = await startTestServer();
  const { admin, orgId, projectId, url } = signet;
  const { id, rawKey } = await admin.tokens.createCiToken({ orgId, projectId, name: "ci" });
  using attacker = new RawConnection(Number(new URL(url).port));
  await attacker.send(`GET /v1/whoami HTTP/1.1\r\nHost: x\r\nX-API-Key: ${rawKey}\r\n\r\n`);
  await attacker.until("\r\n\r\n");
  expect(attacker.text).toMatch(/^HTTP\/1\.1 200/);
  await admin.tokens.revokeToken({ orgId, keyId: id });
  await attacker.closed();
});
