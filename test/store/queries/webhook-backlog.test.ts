import { describe, expect, it } from "vitest";
import type { Delivery, OutboxEvent, Webhook } from "../../../src/core/webhook.js";
import { anOrganization, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

const TRACE = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" };

describe("the backlog of webhooks", () => {
  const db = useStore();

  const aWebhook = (orgId: string, id: string, isActive: boolean): Webhook => ({
    ...{ id, orgId, isActive, url: "https://example.com", events: ["*"], createdAt: minutesLater(0) },
    ...{
      secret: null,
      previousSecret: null,
      previousSecretExpiresAt: null,
      disabledReason: null,
      failingSince: null,
      outboxCursor: null,
    },
  });

  const delivery = (webhookId: string, eventNumber: number, createdAt: string, state: Delivery["state"]): Delivery => ({
    ...{ id: `${webhookId} ${eventNumber}`, webhookId, eventNumber, createdAt, state, eventId: "evt", attempts: 0 },
    ...{ eventType: "bundle.published", environmentId: null, nextAttemptAt: createdAt, lastAttemptAt: null },
    ...{ lastStatus: null, lastLatencyMs: null, lastError: null, lastBody: null },
  });

  const anEvent = (orgId: string, trace: OutboxEvent["trace"] = null): Omit<OutboxEvent, "number"> => ({
    ...{
      id: "evt",
      orgId,
      environmentId: null,
      type: "bundle.published",
      body: "{}",
      createdAt: minutesLater(9),
      trace,
    },
  });

  async function withWebhooks(events: number) {
    const organization = anOrganization();
    await db.write(async (tx) => {
      await tx.insertOrganization(organization);
      await tx.insertWebhook(aWebhook(organization.id, "on", true));
      await tx.insertWebhook(aWebhook(organization.id, "off", false));
      for (let n = 0; n < events; n += 1) await tx.insertEvent(anEvent(organization.id));
      await tx.markFannedOut(Array.from({ length: events }, (_, n) => n + 1));
    });
    return organization;
  }

  it("is nothing on a new server", async () => {
    expect(await db.read.webhookBacklog()).toEqual({ pending: 0, oldestAt: null });
  });

  it("has the pending deliveries of webhooks that are on", async () => {
    await withWebhooks(4);
    await db.write((tx) =>
      tx.insertDeliveries([
        delivery("off", 1, minutesLater(1), "pending"),
        delivery("on", 1, minutesLater(2), "delivered"),
        delivery("on", 2, minutesLater(4), "pending"),
        delivery("on", 3, minutesLater(3), "pending"),
        delivery("on", 4, minutesLater(2), "failed"),
      ]),
    );
    expect(await db.read.webhookBacklog()).toEqual({ pending: 2, oldestAt: minutesLater(3) });
  });

  it("has an event that nobody looked at yet", async () => {
    const { id } = await withWebhooks(0);
    await db.write((tx) => tx.insertEvent(anEvent(id)));
    expect(await db.read.webhookBacklog()).toEqual({ pending: 0, oldestAt: minutesLater(9) });
  });

  it("events keep the trace of what caused them", async () => {
    const { id } = await withWebhooks(0);
    await db.write(async (tx) => {
      await tx.insertEvent(anEvent(id, TRACE));
      await tx.insertEvent(anEvent(id, { ...TRACE, tracestate: null }));
      await tx.insertEvent(anEvent(id));
    });
    const events = await db.read.eventsToFanOut(10);
    expect(events.map(({ trace }) => trace)).toEqual([TRACE, { ...TRACE, tracestate: null }, null]);
  });
});
