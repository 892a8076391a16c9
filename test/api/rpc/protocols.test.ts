import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { grpcClient } from "./grpc-js.js";
import { KEYS, openRig, ORG } from "../http/rig.js";

const transports: [string, (baseUrl: string) => Transport][] = (["1.1", "2"] as const).flatMap((httpVersion) => [
  [`connect JSON over HTTP/${httpVersion}`, (baseUrl) => createConnectTransport({ baseUrl, httpVersion })],
  [
    `connect proto over HTTP/${httpVersion}`,
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: true }),
  ],
  [`gRPC-Web over HTTP/${httpVersion}`, (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion })],
]);
transports.push(["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })]);

describe("one port", () => {
  test.each(transports)("serves %s: unary, stream, and an error with its detail", async (_name, open) => {
    await using rig = await openRig({ requestsPerMinute: 100 });
    const transport = open(rig.url);
    const bundles = createClient(BundleService, transport);
    let headers = new Headers();
    const onHeader = (received: Headers) => (headers = received);
    const mine = { headers: { "x-api-key": KEYS.ci, "x-request-id": "req-1" }, onHeader };

    const bundle = await bundles.publishBundle({ orgId: ORG, policies: "{}" }, mine);
    expect(bundle).toMatchObject({ version: 7, publishedBy: "sgnt_ci" });
    expect(headers.get("x-request-id")).toBe("req-1");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-ratelimit-limit")).toBe("100");
    expect(headers.get("x-ratelimit-remaining")).toBe("99");
    expect(headers.get("x-ratelimit-reset")).toBe("60");

    const runtimes = createClient(RuntimeService, transport);
    const watch = runtimes.watchBundle({}, { headers: { "x-api-key": KEYS.runtime } })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ sequence: 1 });
    await watch.return?.();

    const failed = bundles.publishBundle({ orgId: ORG, policies: "{}", title: "conflict" }, mine);
    await expect(failed).rejects.toMatchObject({ rawMessage: "already there", code: 6 });
  });

  test("serves @grpc/grpc-js: unary, stream, gzip, and an error with its detail", async () => {
    await using rig = await openRig();
    using client = grpcClient(rig.port, { "grpc.default_compression_algorithm": 2 });
    const bundle = await client.call("signet.v1.BundleService", "PublishBundle", KEYS.ci, {
      org_id: ORG,
      policies: JSON.stringify({ long: "x".repeat(5000) }),
    });
    expect(bundle).toMatchObject({ version: 7 });
    expect(rig.published[0]?.policies).toHaveLength(5011);
    for await (const first of client.stream("signet.v1.RuntimeService", "WatchBundle", KEYS.runtime, {})) {
      expect(first).toMatchObject({ sequence: 1, event: "nothing_active" });
      break;
    }
    const failed = client.call("signet.v1.BundleService", "PublishBundle", KEYS.ci, {
      org_id: ORG,
      policies: "{}",
      title: "conflict",
    });
    await expect(failed).rejects.toMatchObject({ code: 6, details: "already there" });
    await expect(failed.catch(client.detailOf)).resolves.toMatchObject({ reason: "version_exists" });
  });

  test("gives every other path to REST, in both HTTP versions", async () => {
    await using rig = await openRig();
    const answer = await fetch(`${rig.url}/v1/anything`, { headers: { "x-api-key": KEYS.ci } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe("rest");
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a token of another organization is refused after the message is read", async () => {
    await using rig = await openRig();
    const bundles = createClient(BundleService, createGrpcTransport({ baseUrl: rig.url }));
    const foreign = bundles.publishBundle(
      { orgId: "0190a0b0-0000-4000-8000-000000000000" },
      { headers: { "x-api-key": KEYS.ci } },
    );
    await expect(foreign).rejects.toMatchObject({ code: 7 });
    expect(rig.published).toEqual([]);
    expect(rig.refused).toEqual(["sgnt_ci publishBundle forbidden"]);
  });
});
