import { describe, expect, it, vi } from "vitest";
import { startAnsweringReceiver } from "../../console/site/answering-receiver.js";
import { startTestServer } from "../../support/server.js";

/** The data of each event that one publication, its deletion and a token make, by type. */
async function eventsOf(settings: Readonly<Record<string, string>>): Promise<Map<string, Record<string, unknown>>> {
  await using receiver = await startAnsweringReceiver();
  await using server = await startTestServer(
    { SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_RETRY_SECONDS: "0", ...settings },
    { oneNode: true },
  );
  const { admin, orgId, projectId } = server;
  const webhook = await admin.webhooks.createWebhook({ orgId, url: `${receiver.url}/200/events`, events: ["*"] });
  const path = { orgId, projectId, envName: "dev" };
  await admin.bundles.publishBundle({ ...path, policies: '{"n":1}' });
  await admin.bundles.publishBundle({ ...path, policies: '{"n":2}' });
  await admin.bundles.promoteBundle({ orgId, projectId, sourceEnv: "dev" });
  await admin.bundles.deleteBundle({ ...path, version: 1 });
  await admin.tokens.createViewerToken({ orgId, name: "reader" });
  const data = await vi.waitFor(
    async () => {
      const deliveries = { orgId, webhookId: webhook.id, limit: 100 };
      const { data: made } = await admin.webhooks.listWebhookDeliveries(deliveries);
      expect(made.map(({ eventType }) => eventType)).toEqual(
        expect.arrayContaining(["bundle.published", "bundle.promoted", "bundle.deleted", "token.created"]),
      );
      return made;
    },
    { timeout: 30_000 },
  );
  const events = new Map<string, Record<string, unknown>>();
  for (const { id } of data) {
    const { body } = await admin.webhooks.getWebhookDelivery({ orgId, webhookId: webhook.id, deliveryId: id });
    const event = JSON.parse(body ?? "{}") as { type: string; data: Record<string, unknown> };
    if (!events.has(event.type)) events.set(event.type, { ...event.data, org: orgId });
  }
  return events;
}

describe("the link of an event", () => {
  it("leads to the console's page of the version or the project, at the first public URL", async () => {
    const events = await eventsOf({ SIGNET_PUBLIC_URL: "https://signet.example/signet/,https://b.example" });
    const project = `https://signet.example/signet/console/orgs/${String(events.get("token.created")?.["org"])}/projects/default`;
    const urls = Object.fromEntries([...events].map(([type, { url }]) => [type, url]));
    expect(urls).toMatchObject({
      "bundle.published": `${project}/envs/dev/versions/2`,
      "bundle.promoted": `${project}/envs/staging/versions/1`,
      "bundle.deleted": project,
    });
    expect(urls["token.created"]).toBeUndefined();
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ["without a public URL", {}],
    ["without a console", { SIGNET_PUBLIC_URL: "https://signet.example", SIGNET_CONSOLE: "off" }],
  ])("is not there %s", async (_, settings) => {
    const events = await eventsOf(settings);
    expect([...events.keys()]).toContain("bundle.promoted");
    for (const data of events.values()) expect(data).not.toHaveProperty("url");
  });
});
