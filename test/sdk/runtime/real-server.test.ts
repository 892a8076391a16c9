import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNobleSigner } from "../../../src/bundle/ed25519-noble.js";
import { signEnvelope, envelopeKeyId } from "../../../src/bundle/envelope/dsse.js";
import { formatPrivateKey, parsePublicKey } from "../../../src/bundle/keys.js";
import { formatRoot, ROOT_TYPE, type Root } from "../../../src/bundle/trust/root.js";
import { openRuntime as openInBrowser, type Runtime, type TransportName } from "../../../src/sdk/index.js";
import { openRuntime, type NodeRuntimeOptions } from "../../../src/sdk/node.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { startHttp1Proxy, startTcpProxy, type Http1Rules } from "./proxies.js";
import { until } from "./scripted-signet.js";

const desk = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(9)));
const deskKey = parsePublicKey(desk.publicKeyPem);
const soon = { baseMs: 20, maxMs: 40, random: Math.random };

let signet: TestServer;
let token: string;
let root: string;
let projectId: string;
let pinned: string[];
let version = 0;

beforeAll(async () => {
  signet = await startTestServer();
  const project = await signet.admin.organizations.createProject({ orgId: signet.orgId, name: "proven" });
  projectId = project.id;
  token = project.runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "";
  const { keys } = await signet.admin.bundles.listKeys({});
  pinned = keys.filter(({ purpose }) => purpose === "attestation").map(({ publicKeyPem }) => publicKeyPem);
  root = await rootDocument(1);
  await signet.admin.trust.publishRoot({ orgId: signet.orgId, projectId, envelope: root });
  await publish();
});
afterAll(async () => {
  await signet[Symbol.asyncDispose]();
});

async function rootDocument(number: number, changes: Partial<Root> = {}): Promise<string> {
  const keys = [deskKey, ...pinned.map(parsePublicKey)];
  const rule = (threshold: number, ...of: typeof keys) => ({ threshold, keyIds: of.map(envelopeKeyId) });
  const [, ...online] = keys;
  const document: Root = {
    ...{ orgId: signet.orgId, projectId, version: number, expiresAt: "2099-01-01T00:00:00Z" },
    keys: new Map(keys.map((key) => [envelopeKeyId(key), key])),
    roles: { root: rule(1, deskKey), activation: rule(1, ...online), lease: rule(1, ...online), release: rule(0) },
    ...{ environments: new Map(), rollback: "server", revoked: [], names: {} },
    ...changes,
  };
  return await signEnvelope(ROOT_TYPE, formatRoot(document), desk, deskKey);
}

/** Publishes another content; returns its number, which is in its policies. */
async function publish(): Promise<number> {
  version += 1;
  await signet.admin.bundles.publishBundle({
    ...{ orgId: signet.orgId, projectId, envName: "dev" },
    policies: `{"number":${version},"exact":1.0}`,
  });
  return version;
}

function optionsFor(url: string, instanceId: string): NodeRuntimeOptions {
  return {
    ...{ url, token, instanceId, trust: { root }, identity: { orgId: signet.orgId, projectId, environment: "dev" } },
    ...{ firstMessageMs: 1_000, backoff: soon, refusalBackoff: soon },
  };
}

async function follows(runtime: Runtime, transport: TransportName): Promise<void> {
  await runtime.ready();
  for (let change = 0; change < 2; change += 1) {
    const number = await publish();
    await until(() => runtime.current?.policies["number"] === number);
  }
  const { status, current } = runtime;
  expect(status).toMatchObject({ state: "fresh", transport, refusal: null });
  // Numbers are as they were published.
  expect(current?.content).toBe(`{"policies":{"exact":1.0,"number":${version}},"scope_policies":{}}`);
}

async function reported(instanceId: string): Promise<{ state: string; reason?: string | undefined } | undefined> {
  const { data } = await signet.admin.runtimes.listRuntimes({
    orgId: signet.orgId,
    projectId,
    envName: "dev",
    limit: 100,
  });
  return data.find((instance) => instance.instanceId === instanceId && instance.behindBy === 0);
}

async function untilReported(instanceId: string): Promise<void> {
  while ((await reported(instanceId))?.state !== "applied") await new Promise((resolve) => setImmediate(resolve));
}

const PATHS: readonly (readonly [transport: TransportName, path: string, rules: Http1Rules | null])[] = [
  ["grpc", "that lets everything through", null],
  ["connect", "that speaks HTTP/1.1 only", {}],
  ["sse", "that answers RPC with a page", { page: (path) => (path.startsWith("/signet.v1.") ? 403 : null) }],
  ["poll", "that buffers", { buffers: true }],
];

describe("a runtime of a real server", () => {
  it.each(PATHS)("follows by %s on a path %s, and reports", async (transport, _, rules) => {
    await using proxy = rules === null ? await startTcpProxy(signet.url) : await startHttp1Proxy(signet.url, rules);
    await using runtime = await openRuntime(optionsFor(proxy.url, `by-${transport}`));
    await follows(runtime, transport);
    await untilReported(`by-${transport}`);
  });

  it.each(["connect", "sse", "poll"] as const)("follows by %s with nothing but fetch", async (transport) => {
    const options = { ...optionsFor(signet.url, `fetch-${transport}`), transports: [transport] };
    const { cache: _, tls: __, ...rest } = options;
    await using runtime = await openInBrowser(rest);
    await follows(runtime, transport);
    await untilReported(`fetch-${transport}`);
  });

  it.each(["grpc", "connect", "sse", "poll"] as const)(
    "renews, follows roots, and trusts pinned keys, by %s",
    async (transport) => {
      await using pinning = await openRuntime({
        ...optionsFor(signet.url, `pinning-${transport}`),
        ...{ trust: { keys: pinned }, transports: [transport] },
      });
      await using rooted = await openRuntime({
        ...optionsFor(signet.url, `root-${transport}`),
        transports: [transport],
      });
      await Promise.all([pinning.ready(), rooted.ready()]);
      const { root: newest } = await signet.admin.trust.getTrust({ orgId: signet.orgId, projectId });
      const next = (newest?.version ?? 0) + 1;
      const envelope = await rootDocument(next);
      await signet.admin.trust.publishRoot({ orgId: signet.orgId, projectId, envelope });
      await follows(rooted, transport);
      await follows(pinning, transport);
    },
  );

  it("climbs when the path lets more through", async () => {
    let lets = false;
    await using proxy = await startTcpProxy(signet.url, (first) => lets || !first.toString("latin1").startsWith("PRI"));
    await using runtime = await openRuntime({ ...optionsFor(proxy.url, "climbing"), climbMs: 50 });
    await runtime.ready();
    expect(runtime.status.transport).toBe("connect");
    lets = true;
    await until(() => runtime.status.transport === "grpc");
    await follows(runtime, "grpc");
  });

  it("outlives proxies that cut, that answer everything with a page, and that come back", async () => {
    const rules: Http1Rules = {};
    await using proxy = await startHttp1Proxy(signet.url, rules);
    await using runtime = await openRuntime(optionsFor(proxy.url, "outliving"));
    await runtime.ready();
    for (let times = 0; times < 5; times += 1) {
      proxy.cut();
      await until(() => runtime.status.transport === null);
      await until(() => runtime.status.transport !== null);
    }
    rules.page = () => 403;
    proxy.cut();
    await until(() => runtime.status.error?.code === "forbidden");
    expect(runtime.status).toMatchObject({ state: "fresh", transport: null, error: { isFromServer: false } });
    expect(runtime.current?.policies["number"]).toBe(version);
    delete rules.page;
    const number = await publish();
    await until(() => runtime.current?.policies["number"] === number);
  });

  it("says when the token is refused, takes a new one by itself, and goes on", async () => {
    const { orgId } = signet;
    const { environments } = await signet.admin.organizations.listEnvironments({ orgId, projectId });
    const environmentId = environments.find(({ name }) => name === "dev")?.id ?? "";
    const made = await signet.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name: "rotated" });
    let current = made.rawKey ?? "";
    await using runtime = await openRuntime({ ...optionsFor(signet.url, "rotating"), token: () => current });
    await runtime.ready();
    const rotated = await signet.admin.tokens.rotateToken({ orgId, keyId: made.id });
    await until(() => runtime.status.error?.code === "unauthenticated");
    expect(runtime.status).toMatchObject({ state: "fresh", error: { isFromServer: true } });
    current = rotated.rawKey ?? "";
    await until(() => runtime.status.transport !== null);
    await follows(runtime, "grpc");
  });

  it("starts from its files while the server is away", async () => {
    const directory = await mkdtemp(join(tmpdir(), "signet-runtime-"));
    try {
      await using proxy = await startTcpProxy(signet.url);
      const options = { ...optionsFor(proxy.url, "restarting"), cache: directory };
      await using first = await openRuntime(options);
      const { sequence } = await first.ready();
      await first.close();
      await proxy[Symbol.asyncDispose]();
      await using second = await openRuntime(options);
      expect(second.current).toMatchObject({ sequence, policies: { number: version } });
      expect(second.status).toMatchObject({ state: "fresh", transport: null });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
