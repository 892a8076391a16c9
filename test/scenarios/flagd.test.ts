import { Code, ConnectError, createClient, type CallOptions, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FlagSyncService } from "../../gen/flagd/sync/v1/sync_pb.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { createTestProject } from "./project.js";

const HEARTBEAT_MS = "200";
let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: HEARTBEAT_MS });
});
afterAll(() => server[Symbol.asyncDispose]());

const flagSet = (variant: string) =>
  `{"flags":{"new-checkout":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"${variant}"}}}`;

async function open(transportTo: (baseUrl: string) => Transport, own: TestServer = server) {
  const project = await createTestProject(own, `flags-${(projects += 1)}`);
  const token = project.runtimeToken.dev;
  const client = createClient(FlagSyncService, transportTo(own.url));
  const publish = async (policies: string) => {
    await own.admin.bundles.publishBundle({ ...project.place.dev, policies });
  };
  const options = (more: CallOptions = {}) => ({
    headers: { authorization: `Bearer ${token}` },
    timeoutMs: 0,
    ...more,
  });
  const sync = (more: CallOptions = {}, providerId = "") =>
    client.syncFlags({ providerId }, options(more))[Symbol.asyncIterator]();
  return { project, token, client, publish, options, sync };
}

async function codeOf(call: Promise<unknown>): Promise<Code> {
  const failed = await call.then(
    (value) => new Error(`it answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(failed instanceof ConnectError)) throw failed;
  return failed.code;
}

describe.each<[string, (baseUrl: string) => Transport]>([
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  // Its requests are compressed: the protocol's own handler answers them.
  [
    "gRPC with compression",
    (baseUrl) =>
      createGrpcTransport({
        baseUrl,
        sendCompression: compressionGzip,
        compressMinBytes: 0,
        acceptCompression: [compressionGzip],
      }),
  ],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
])("flagd's sync over %s", (_, transportTo) => {
  it("sends the active flags at once, each change, and nothing else", async () => {
    const { publish, sync, client, options } = await open(transportTo);
    await publish(flagSet("off"));
    const flags = sync();
    expect(await flags.next()).toMatchObject({ value: { flagConfiguration: flagSet("off") } });
    expect(await client.fetchAllFlags({}, options())).toMatchObject({ flagConfiguration: flagSet("off") });
    // Heartbeats are due in between.
    const next = flags.next();
    for (let trips = 0; trips < 20; trips += 1) await client.fetchAllFlags({}, options());
    await publish(flagSet("on"));
    const { value } = await next;
    expect(value).toMatchObject({ flagConfiguration: flagSet("on") });
    expect(value).not.toHaveProperty("syncContext");
    await flags.return?.();
  });

  it("holds a stream while nothing is active, and sends the first flags at once", async () => {
    const { publish, sync, project } = await open(transportTo);
    await server.admin.bundles.publishBundle({ ...project.place.dev, policies: flagSet("off"), activate: false });
    const flags = sync();
    const first = flags.next();
    await server.admin.tokens.whoAmI({});
    await publish(flagSet("on"));
    expect(await first).toMatchObject({ value: { flagConfiguration: flagSet("on") } });
    await flags.return?.();
  });

  it("ends it with unavailable when nothing becomes active, never with an empty flag set", async () => {
    const { sync, client, options } = await open(transportTo);
    expect(await codeOf(sync().next())).toBe(Code.Unavailable);
    expect(await codeOf(client.fetchAllFlags({}, options()))).toBe(Code.NotFound);
  });

  it.each(["{}", '{"n":1}', '{"flags":7}', '{"flags":null}', '{"nested":{"flags":{}}}'])(
    "sends no policies that flagd would take for no flags: %s",
    async (policies) => {
      const { publish, sync, client, options } = await open(transportTo);
      await publish(policies);
      expect(await codeOf(sync().next())).toBe(Code.NotFound);
      expect(await codeOf(client.fetchAllFlags({}, options()))).toBe(Code.NotFound);
      await publish(flagSet("on"));
      const flags = sync();
      expect(await flags.next()).toMatchObject({ value: { flagConfiguration: flagSet("on") } });
      await publish(policies);
      // It keeps the flags that it has.
      expect(await codeOf(flags.next())).toBe(Code.NotFound);
    },
  );

  it("sends an empty flag set that was published, and a list of flags", async () => {
    const { publish, client, options } = await open(transportTo);
    for (const policies of ['{"flags":{}}', '{"flags":[]}']) {
      await publish(policies);
      expect(await client.fetchAllFlags({}, options())).toMatchObject({ flagConfiguration: policies });
    }
  });

  it("ends when its token is revoked, and when its environment is deleted", async () => {
    const { publish, sync, project } = await open(transportTo);
    await publish(flagSet("on"));
    const flags = sync();
    await flags.next();
    const keyId = await project.runtimeTokenId("dev");
    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId });
    expect(await codeOf(flags.next())).toBe(Code.Unauthenticated);
    expect(await codeOf(sync().next())).toBe(Code.Unauthenticated);

    const other = await open(transportTo);
    await other.publish(flagSet("on"));
    const doomed = other.sync();
    await doomed.next();
    await server.admin.organizations.deleteEnvironment({ ...other.project.place.dev, force: true });
    expect(await codeOf(doomed.next())).toBe(Code.NotFound);
  });

  it("is for runtime tokens alone, in any metadata that carries one", async () => {
    const { publish, client, token } = await open(transportTo);
    await publish(flagSet("on"));
    const fetched = (headers: Record<string, string>) => client.fetchAllFlags({}, { headers });
    await expect(fetched({ "x-api-key": token })).resolves.toMatchObject({ flagConfiguration: flagSet("on") });
    expect(await codeOf(fetched({}))).toBe(Code.Unauthenticated);
    expect(await codeOf(fetched({ authorization: `Bearer ${ADMIN_TOKEN}` }))).toBe(Code.PermissionDenied);
  });

  it("names flagd in the fleet view by its provider id", async () => {
    const { publish, sync, project } = await open(transportTo);
    await publish(flagSet("on"));
    const flags = sync({}, "flagd-checkout");
    await flags.next();
    const { data } = await server.admin.runtimes.listRuntimes({ ...project.place.dev });
    expect(data).toMatchObject([{ instanceId: "flagd-checkout", connected: true }]);
    await flags.return?.();
    expect(await codeOf(sync({}, "x".repeat(129)).next())).toBe(Code.InvalidArgument);
  });

  it("answers providers that ask for metadata first, with none", async () => {
    const { client, options } = await open(transportTo);
    expect(await client.getMetadata({}, options())).toMatchObject({ metadata: {} });
  });

  it("ends with unavailable at shutdown", async () => {
    const own = await startTestServer({ SIGNET_HEARTBEAT_MS: HEARTBEAT_MS }, { oneNode: true });
    const { publish, sync } = await open(transportTo, own);
    await publish(flagSet("on"));
    const flags = sync();
    await flags.next();
    const stopped = own[Symbol.asyncDispose]();
    expect(await codeOf(flags.next())).toBe(Code.Unavailable);
    await stopped;
  });
});

it("flagd's sync has a budget with the other streams of its token", async () => {
  await using own = await startTestServer({ SIGNET_MAX_STREAMS: "1" }, { oneNode: true });
  const { publish, sync } = await open((baseUrl) => createGrpcTransport({ baseUrl }), own);
  await publish(flagSet("on"));
  const first = sync();
  await first.next();
  expect(await codeOf(sync().next())).toBe(Code.ResourceExhausted);
  await first.return?.();
});
