import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient } from "../../src/sdk/index.js";
import { openNodeTransport, type NodeTransportTls } from "../../src/sdk/node-transport.js";
import { startServer } from "../../src/server/server.js";
import { createTestProject, type TestProject } from "../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../support/server.js";
import { selfSigned, type SelfSigned } from "../outbound/self-signed.js";

const STREAMS = 50;
const SWAPS = 5;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "signet-tls-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);

/** Writes a pair as a tool for certificates would: at once. */
function install({ cert, key }: SelfSigned): void {
  for (const [name, text] of [
    ["tls.key", key],
    ["tls.crt", cert],
  ] as const) {
    writeFileSync(file(`${name}.tmp`), text);
    renameSync(file(`${name}.tmp`), file(name));
  }
}

async function startSecure(settings: Readonly<Record<string, string>> = {}, tls: NodeTransportTls = {}) {
  const pair = selfSigned("127.0.0.1");
  install(pair);
  const paths = { SIGNET_TLS_CERT: file("tls.crt"), SIGNET_TLS_KEY: file("tls.key") };
  return { pair, server: await startTestServer({ ...paths, ...settings }, { tls: { ca: pair.cert, ...tls } }) };
}

/** Of the certificate that a new connection is shown. */
async function shownFingerprint(url: string): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", rejectUnauthorized: false });
  return await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerX509Certificate()?.raw.toString("base64") ?? "");
      socket.destroy();
    });
  });
}

const bodyOf = (pem: string) => pem.replace(/-----[^-]+-----|\n/g, "");

describe("a server with TLS", () => {
  let secure: { pair: SelfSigned; server: TestServer };
  beforeAll(async () => {
    secure = await startSecure();
  });
  afterAll(() => secure.server[Symbol.asyncDispose]());

  it("says so in its URL", () => {
    expect(secure.server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  const transports = {
    "gRPC over HTTP/2": (baseUrl: string, ca: string) =>
      openNodeTransport({ url: baseUrl, timeoutMs: 10_000, tls: { ca } }).transport,
    "gRPC-Web over HTTP/1.1": (baseUrl: string, ca: string) =>
      createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions: { ca } }),
    "gRPC-Web over HTTP/2": (baseUrl: string, ca: string) =>
      createGrpcWebTransport({ baseUrl, httpVersion: "2", nodeOptions: { ca } }),
    "Connect over HTTP/1.1": (baseUrl: string, ca: string) =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions: { ca } }),
    "Connect over HTTP/2": (baseUrl: string, ca: string) =>
      createConnectTransport({ baseUrl, httpVersion: "2", nodeOptions: { ca } }),
  };
  it.each(Object.entries(transports))("is called by %s, with the same answer", async (_name, open) => {
    const transport = open(secure.server.url, secure.pair.cert);
    const client = createSignetClient({ transport, token: ADMIN_TOKEN });
    expect(await client.tokens.whoAmI({})).toMatchObject({ keyType: "admin", orgId: secure.server.orgId });
  });

  it("is called by REST", async () => {
    const agent = new Agent({ ca: secure.pair.cert });
    const status = await new Promise((resolve, reject) => {
      const req = request(`${secure.server.url}/v1/whoami`, { agent, headers: { "X-API-Key": ADMIN_TOKEN } }, (res) => {
        res.resume();
        resolve(res.statusCode);
      });
      req.once("error", reject).end();
    });
    agent.destroy();
    expect(status).toBe(200);
  });

  it("is not called by who does not trust its certificate", async () => {
    using connection = openNodeTransport({ url: secure.server.url, timeoutMs: 10_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    await expect(client.tokens.whoAmI({})).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a server that asks for client certificates", () => {
  it("serves who has one and a token, and nobody without the token", async () => {
    const identity = selfSigned("client.example");
    writeFileSync(file("clients.pem"), identity.cert);
    const { pair, server } = await startSecure({ SIGNET_TLS_CLIENT_CA: file("clients.pem") }, identity);
    await using _server = server;
    expect((await server.admin.tokens.whoAmI({})).keyType).toBe("admin");
    await expect(server.clientFor("signet_admin_no").tokens.whoAmI({})).rejects.toMatchObject({
      code: "unauthenticated",
    });
    using without = openNodeTransport({ url: server.url, timeoutMs: 10_000, tls: { ca: pair.cert } });
    const client = createSignetClient({ transport: without.transport, token: ADMIN_TOKEN });
    await expect(client.tokens.whoAmI({})).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("another certificate", () => {
  /** A watch on a connection of its own that remembers what it got. */
  function openStream(url: string, ca: string, token: string) {
    const connection = openNodeTransport({ url, timeoutMs: 60_000, tls: { ca } });
    const client = createSignetClient({ transport: connection.transport, token });
    const seen = { sequence: 0, error: undefined as unknown };
    const gone = new AbortController();
    const read = async () => {
      for await (const { sequence } of client.runtimes.watchBundle({}, { signal: gone.signal, timeoutMs: 0 })) {
        seen.sequence = Math.max(seen.sequence, sequence);
      }
    };
    const ended = read().catch((thrown: unknown) => {
      if (!gone.signal.aborted) seen.error = thrown;
    });
    return {
      seen,
      async [Symbol.asyncDispose]() {
        gone.abort();
        await ended;
        connection[Symbol.dispose]();
      },
    };
  }

  async function everyStreamGets(streams: readonly ReturnType<typeof openStream>[], project: TestProject, n: number) {
    const sequence = await project.publish("dev", n);
    const served = () => streams.filter(({ seen }) => seen.sequence === sequence).length;
    await expect.poll(served, { timeout: 30_000 }).toBe(STREAMS);
    expect(streams.filter(({ seen }) => seen.error !== undefined)).toEqual([]);
  }

  it(`is swapped ${SWAPS} times under ${STREAMS} streams, and none is lost; bad pairs change nothing`, async () => {
    const { pair, server } = await startSecure({ SIGNET_HEARTBEAT_MS: "300000" });
    await using _server = server;
    const project = await createTestProject(server, "tls");
    const streams = Array.from({ length: STREAMS }, () => openStream(server.url, pair.cert, project.runtimeToken.dev));
    try {
      await everyStreamGets(streams, project, 0);
      let current = pair;
      for (let swap = 1; swap <= SWAPS; swap++) {
        const next = selfSigned("127.0.0.1");
        for (const bad of [
          { cert: next.cert, key: current.key },
          selfSigned("127.0.0.1", ["200101000000Z", "200102000000Z"]),
          { cert: next.cert.slice(0, 300), key: next.key },
        ]) {
          install(bad);
          await server.server.reloadCertificate();
          expect(await shownFingerprint(server.url)).toBe(bodyOf(current.cert));
        }
        install(next);
        await server.server.reloadCertificate();
        current = next;
        expect(await shownFingerprint(server.url)).toBe(bodyOf(current.cert));
        await everyStreamGets(streams, project, swap);
      }
    } finally {
      await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
    }
  });

  it("is found without being told of it", async () => {
    const { server } = await startSecure();
    await using _server = server;
    const next = selfSigned("127.0.0.1");
    install(next);
    await expect.poll(() => shownFingerprint(server.url), { timeout: 10_000 }).toBe(bodyOf(next.cert));
  });
});

describe("a start with a certificate that cannot be used", () => {
  it.each([
    ["expired", { ...selfSigned("x", ["200101000000Z", "200102000000Z"]) }, /tls\.crt expired/],
    ["mismatched", { cert: selfSigned("x").cert, key: selfSigned("x").key }, /does not belong/],
    ["half written", { cert: selfSigned("x").cert.slice(0, 200), key: selfSigned("x").key }, /truncated/],
  ])("%s: is refused with a clear text, and makes no data directory", async (_name, pair, message) => {
    install(pair);
    const paths = { SIGNET_TLS_CERT: file("tls.crt"), SIGNET_TLS_KEY: file("tls.key"), SIGNET_DATA: file("data") };
    const start = startServer(testConfig(paths), pino({ level: "silent" }));
    await expect(start).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) });
    expect(existsSync(file("data"))).toBe(false);
  });
});
