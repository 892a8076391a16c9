import { createHmac, createPublicKey, verify } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WebhookDelivery } from "../../src/sdk/index.js";
import { startReceiver, type Arrival, type Receiver } from "../support/receiver.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let receiver: Receiver;

beforeEach(async () => {
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_RETRY_SECONDS: "0,0,0" });
  receiver = await startReceiver();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const where = () => ({ orgId: server.orgId, projectId: server.projectId });
const create = (events: string[] = ["*"]) =>
  server.admin.webhooks.createWebhook({ orgId: server.orgId, url: receiver.url, events });
const publish = (n: number, envName = "dev") =>
  server.admin.bundles.publishBundle({ ...where(), envName, policies: JSON.stringify({ n }) });

/** Another organization with a project. */
async function tenant(name: string) {
  const { id: orgId, adminToken } = await server.admin.organizations.createOrganization({ name });
  const token = adminToken?.rawKey ?? "";
  const { id: projectId } = await server.clientFor(token).organizations.createProject({ orgId, name });
  return { orgId, projectId, token };
}

/** Waits for a delivery to come into a state, by asking: the server has nothing that tells. */
async function settled(webhookId: string, state: string): Promise<WebhookDelivery> {
  for (;;) {
    const { data } = await server.admin.webhooks.listWebhookDeliveries({ orgId: server.orgId, webhookId, state });
    if (data[0] !== undefined) return data[0];
  }
}

function headersOf({ headers }: Arrival): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

describe("a webhook", () => {
  it("hears of a publish, an activation, a promotion and a deletion, with what api.md says", async () => {
    await create(["bundle.*"]);
    const first = await publish(1);
    await publish(2);
    await server.admin.bundles.activateBundle({ ...where(), envName: "dev", version: 1 });
    await server.admin.bundles.promoteBundle({ ...where(), sourceEnv: "dev" });
    await server.admin.bundles.deleteBundle({ ...where(), envName: "dev", version: 2 });
    const arrivals = await receiver.count(5);
    const dev = arrivals.filter(({ event }) => event.data.environment === "dev").map(({ event }) => event.type);
    expect(dev).toEqual(["bundle.published", "bundle.published", "bundle.activated", "bundle.deleted"]);
    expect(arrivals.find(({ event }) => event.type === "bundle.promoted")?.event.data).toMatchObject({
      org_id: server.orgId,
      project_id: server.projectId,
      project: "default",
      environment: "staging",
      from_environment: "dev",
      to_environment: "staging",
      version: 1,
      from_version: null,
      sequence: 1,
      policy_hash: first.policyHash,
      labels: {},
      source: null,
    });
    expect(arrivals.find(({ event }) => event.type === "bundle.activated")?.event.data).toMatchObject({
      version: 1,
      from_version: 2,
      sequence: 3,
      kind: "rollback",
    });
  });

  it("hears only of what it asked for", async () => {
    await create(["bundle.promoted"]);
    await publish(1);
    await server.admin.bundles.promoteBundle({ ...where(), sourceEnv: "dev" });
    const [arrival] = await receiver.count(1);
    expect(arrival?.event.type).toBe("bundle.promoted");
    expect(receiver.arrivals).toHaveLength(1);
  });

  it("gets signatures that Standard Webhooks, the specification and Znyx verify", async () => {
    const { secret = "" } = await create();
    await publish(1);
    const [arrival] = await receiver.count(1);
    if (arrival === undefined) throw new Error("nothing arrived");
    const headers = headersOf(arrival);
    expect(new StandardWebhook(secret).verify(arrival.body, headers)).toEqual(arrival.event);
    expect(() => new StandardWebhook(secret).verify(`${arrival.body} `, headers)).toThrow();

    const { keys } = await server.admin.bundles.listKeys({});
    const key = keys.find(({ purpose, isCurrent }) => purpose === "webhooks" && isCurrent);
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${arrival.body}`;
    const v1a = /v1a,(\S+)/.exec(headers["webhook-signature"] ?? "")?.[1] ?? "";
    const publicKey = createPublicKey(key?.publicKeyPem ?? "");
    expect(verify(null, Buffer.from(signed), publicKey, Buffer.from(v1a, "base64"))).toBe(true);

    const hmac = createHmac("sha256", secret).update(arrival.body).digest("hex");
    expect(headers["x-webhook-signature"]).toBe(`sha256=${hmac}`);
  });

  it("gets signatures of its organization's own key, which is not the server's or another organization's", async () => {
    const { orgId, projectId, token } = await tenant("Acme");
    const other = await tenant("Other");
    const client = server.clientFor(token);
    await client.webhooks.createWebhook({ orgId, url: receiver.url, events: ["bundle.published"] });
    await client.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: "{}" });
    const [arrival] = await receiver.count(1);
    if (arrival === undefined) throw new Error("nothing arrived");
    const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures = "" } = headersOf(arrival);
    const v1a = Buffer.from(/v1a,(\S+)/.exec(signatures)?.[1] ?? "", "base64");
    const verifiesWith = async (of: string, ofOrg: string) => {
      const { keys } = await server.clientFor(of).bundles.listKeys({});
      const key = keys.find((it) => it.purpose === "webhooks" && it.isCurrent && (it.orgId ?? server.orgId) === ofOrg);
      return verify(null, Buffer.from(`${id}.${at}.${arrival.body}`), createPublicKey(key?.publicKeyPem ?? ""), v1a);
    };
    expect(arrival.event.data).toMatchObject({ org_id: orgId });
    expect(await verifiesWith(token, orgId)).toBe(true);
    expect(await verifiesWith(other.token, other.orgId)).toBe(false);
    expect(await verifiesWith(ADMIN_TOKEN, server.orgId)).toBe(false);
  });

  it("gets both secrets' signatures during a rotation's grace time, and only the new one without", async () => {
    const { id: webhookId, secret: old = "" } = await create();
    const { secret: current } = await server.admin.webhooks.rotateWebhookSecret({ orgId: server.orgId, webhookId });
    await publish(1);
    const [inGrace] = await receiver.count(1);
    for (const secret of [old, current]) {
      expect(() =>
        new StandardWebhook(secret).verify(inGrace?.body ?? "", headersOf(inGrace as Arrival)),
      ).not.toThrow();
    }
    const again = await server.admin.webhooks.rotateWebhookSecret({
      ...{ orgId: server.orgId, webhookId, graceSeconds: 0 },
    });
    await publish(2);
    const after = (await receiver.count(2))[1] as Arrival;
    expect(() => new StandardWebhook(again.secret).verify(after.body, headersOf(after))).not.toThrow();
    expect(() => new StandardWebhook(current).verify(after.body, headersOf(after))).toThrow();
  });

  it("that fails is tried again with the same id, and holds no other event back", async () => {
    const { id } = await create(["bundle.*"]);
    const failed = new Set<string>();
    receiver.answer = ({ headers, event }) => {
      const eventId = String(headers["webhook-id"]);
      if (event.data.version !== 1 || failed.has(eventId)) return { status: 200 };
      failed.add(eventId);
      return { status: 500 };
    };
    await publish(1);
    await publish(2);
    const arrivals = await receiver.count(3);
    const ids = arrivals.filter(({ event }) => event.data.version === 1).map(({ headers }) => headers["webhook-id"]);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await settled(id, "delivered")).toMatchObject({ lastStatus: 200 });
  });

  it("that never answers well ends as failed after its last try, and can be replayed", async () => {
    const { id: webhookId } = await create(["bundle.*"]);
    receiver.answer = () => ({ status: 302, headers: { location: receiver.url } });
    await publish(1);
    await receiver.count(3);
    const delivery = await settled(webhookId, "failed");
    expect(delivery).toMatchObject({ attempts: 3, lastStatus: 302 });
    // The address is not public: nothing of what it says is kept.
    expect(delivery.lastBody).toBeUndefined();
    expect(receiver.arrivals).toHaveLength(3);

    receiver.answer = () => ({ status: 200 });
    const { orgId } = server;
    await server.admin.webhooks.replayWebhookDelivery({ orgId, webhookId, deliveryId: delivery.id });
    const replayed = (await receiver.count(4))[3];
    expect(replayed?.headers["webhook-id"]).toBe(delivery.eventId);
    expect(await settled(webhookId, "delivered")).toMatchObject({ attempts: 1 });
  });

  it("is switched off by 410 Gone, which is an event and an audit entry; switched on, it goes on", async () => {
    const { id: webhookId } = await create(["bundle.*"]);
    await using witness = await startReceiver();
    const { orgId } = server;
    await server.admin.webhooks.createWebhook({ orgId, url: witness.url, events: ["webhook.disabled"] });
    receiver.answer = () => ({ status: 410 });
    await publish(1);
    const [told] = await witness.count(1);
    expect(told?.event).toMatchObject({ type: "webhook.disabled", data: { webhook_id: webhookId } });
    expect(told?.body).not.toContain("in-the-url");
    const off = await server.admin.webhooks.getWebhook({ orgId, webhookId });
    expect(off).toMatchObject({ isActive: false, disabledReason: "the endpoint answered 410 Gone" });
    const { events } = await server.admin.audit.listAuditEvents({ orgId, action: "webhook.disabled" });
    expect(events).toHaveLength(1);

    receiver.answer = () => ({ status: 200 });
    await server.admin.webhooks.updateWebhook({ orgId, webhookId, isActive: true });
    await receiver.count(2);
    expect(await settled(webhookId, "delivered")).toMatchObject({ eventType: "bundle.published" });
  });

  it("gets every event since a time again, in order", async () => {
    const since = new Date();
    for (const n of [1, 2, 3]) await publish(n);
    const { id: webhookId } = await create(["bundle.*"]);
    const { orgId } = server;
    const request = { orgId, webhookId, since: { seconds: BigInt(Math.floor(since.getTime() / 1000)), nanos: 0 } };
    expect(await server.admin.webhooks.replayWebhookEvents(request)).toMatchObject({ replayed: 3 });
    const arrivals = await receiver.count(3);
    expect(arrivals.map(({ event }) => event.data.version)).toEqual([1, 2, 3]);
  });

  it("says of a test how it went, and keeps secrets out of lists and the audit", async () => {
    const { id: webhookId, secret = "" } = await create();
    const { orgId } = server;
    const tested = await server.admin.webhooks.testWebhook({ orgId, webhookId });
    expect(tested).toMatchObject({ delivered: true, status: 200 });
    receiver.answer = () => ({ status: 503 });
    expect(await server.admin.webhooks.testWebhook({ orgId, webhookId })).toMatchObject({
      delivered: false,
      status: 503,
    });
    const { webhooks } = await server.admin.webhooks.listWebhooks({ orgId });
    expect(webhooks[0]).toMatchObject({ hasSecret: true });
    expect(webhooks[0]?.secret).toBeUndefined();
    const audit = JSON.stringify((await server.admin.audit.listAuditEvents({ orgId })).events, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(audit).not.toContain(secret);
    expect(audit).not.toContain("in-the-url");
  });

  it.each(["http://127.0.0.1:1/x", "https://10.0.0.1/", "https://[::1]/", "https://localhost./", "https://0x7f.1/"])(
    "is refused at %s without an allowance",
    async (url) => {
      await using strict = await startTestServer();
      const { orgId } = strict;
      const refused = strict.admin.webhooks.createWebhook({ orgId, url, events: ["*"] });
      await expect(refused).rejects.toMatchObject({ reason: "webhook_address_refused" });
      expect((await strict.admin.webhooks.listWebhooks({ orgId })).webhooks).toEqual([]);
    },
  );
});
