import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Webhook } from "../../../src/core/webhook.js";
import { tellExpiringTokens } from "../../../src/service/tokens/token-events.js";
import { startReceiver, type Receiver } from "../../support/receiver.js";
import { DAY, useServices } from "../fixture.js";

describe("the sender of webhooks", () => {
  const signet = useServices();
  let receiver: Receiver;
  let dead: Receiver;

  beforeEach(async () => {
    receiver = await startReceiver();
    dead = await startReceiver();
    dead.answer = () => ({ status: 500 });
    await signet.services.dispatcher.start();
  });
  afterEach(async () => {
    await signet.services.dispatcher[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
    await dead[Symbol.asyncDispose]();
  });

  const create = ({ url }: Receiver, events = ["bundle.*"]) =>
    signet.services.webhooks.create(signet.admin, { url, events, generateSecret: true });
  const current = ({ id }: Webhook) => signet.services.webhooks.get(signet.admin, id);
  const deliveries = async ({ id }: Webhook) =>
    (await signet.services.webhooks.deliveries(signet.admin, id, 100, 0, undefined)).rows;
  const versions = ({ arrivals }: Receiver) => arrivals.map(({ event }) => event.data["version"]);

  /** Waits by asking: there is nothing that tells. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  }

  async function restart(): Promise<void> {
    await signet.services.dispatcher[Symbol.asyncDispose]();
    await signet.reopen();
    await signet.services.dispatcher.start();
  }

  /** One that has failed so often that it rests. */
  async function resting(): Promise<Webhook> {
    const webhook = await create(dead);
    for (let n = 1; n <= 5; n += 1) await signet.publish("dev", { n });
    await dead.count(5);
    await until(async () => (await deliveries(webhook)).filter(({ attempts }) => attempts > 0).length === 5);
    return webhook;
  }

  it("gives a new webhook what comes after it, and a row for each event at once when it keeps up", async () => {
    await signet.publish("dev");
    const webhook = await create(receiver);
    expect((await current(webhook)).outboxCursor).not.toBeNull();
    await signet.publish("dev", { n: 2 });
    await receiver.count(1);
    expect(versions(receiver)).toEqual([2]);
    await until(async () => (await current(webhook)).outboxCursor === null);
    await signet.publish("dev", { n: 3 });
    await receiver.count(2);
    expect((await deliveries(webhook)).map(({ eventType }) => eventType)).toHaveLength(2);
  });

  it("makes no delivery for an endpoint that rests, and does not try it: an event costs nothing", async () => {
    const webhook = await resting();
    const healthy = await create(receiver);
    for (let n = 0; n < 20; n += 1) await signet.publish("dev", { more: n });
    await receiver.count(20);
    await until(async () => (await deliveries(healthy)).every(({ state }) => state === "delivered"));
    expect(await deliveries(webhook)).toHaveLength(5);
    expect(dead.arrivals).toHaveLength(5);
    // Nothing is lost from sight.
    expect(await signet.services.webhooks.stats(signet.admin)).toMatchObject({ delivered: 20, failed: 0, pending: 25 });
  });

  it("finds an endpoint again by its own probes, and sends everything that waited, in order and once", async () => {
    const webhook = await resting();
    for (let n = 0; n < 60; n += 1) await signet.publish("dev", { more: n });
    dead.answer = () => ({ status: 200 });
    signet.clock.advanceSeconds(3);
    // Five that failed come again, and sixty that waited.
    await dead.count(5 + 65);
    await until(async () => (await current(webhook)).outboxCursor === null);
    expect(dead.arrivals).toHaveLength(70);
    const first = new Map(dead.arrivals.map(({ headers, event }) => [headers["webhook-id"], event.data["version"]]));
    expect(first.size).toBe(65);
    const waited = versions(dead)
      .slice(5)
      .filter((version) => Number(version) > 5);
    expect(waited).toEqual(Array.from({ length: 60 }, (_, index) => index + 6));
    expect((await current(webhook)).failingSince).toBeNull();
    await until(async () => (await signet.services.webhooks.stats(signet.admin)).delivered === 65);
  });

  it("tries an endpoint at once when somebody has seen to it", async () => {
    const webhook = await resting();
    await signet.publish("dev", { n: 6 });
    dead.answer = () => ({ status: 200 });
    await signet.services.webhooks.update(signet.admin, webhook.id, { isActive: true });
    // The clock stands still: no retry is due, and no rest is over.
    await dead.count(6);
    expect(versions(dead)[5]).toBe(6);
  });

  it("lets endpoints rest after a restart too, and then goes on with nothing lost", async () => {
    const webhook = await resting();
    await signet.publish("dev", { n: 6 });
    await restart();
    await signet.publish("dev", { n: 7 });
    expect(dead.arrivals).toHaveLength(5);
    expect(await deliveries(webhook)).toHaveLength(5);
    dead.answer = () => ({ status: 200 });
    signet.clock.advanceSeconds(60);
    await signet.services.webhooks.update(signet.admin, webhook.id, { isActive: true });
    await dead.count(5 + 7);
    expect(new Set(versions(dead).slice(5))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
  });

  it("goes on where it stopped when a webhook is switched off and on", async () => {
    const webhook = await create(receiver);
    await signet.publish("dev", { n: 1 });
    await receiver.count(1);
    await signet.services.webhooks.update(signet.admin, webhook.id, { isActive: false });
    await signet.publish("dev", { n: 2 });
    await signet.publish("staging", { n: 1 });
    await signet.services.webhooks.update(signet.admin, webhook.id, { isActive: true });
    await receiver.count(3);
    expect(receiver.arrivals.map(({ event }) => event.data["environment"])).toContain("staging");
    expect(versions(receiver).slice(1).sort()).toEqual([1, 2]);
  });

  it("holds no event back behind others that keep failing", async () => {
    await create(dead);
    dead.answer = ({ event }) => ({ status: event.data["environment"] === "dev" ? 500 : 200 });
    for (let n = 0; n < 4; n += 1) await signet.publish("dev", { n });
    await dead.count(4);
    for (let n = 0; n < 10; n += 1) await signet.publish("staging", { n });
    await until(async () => dead.arrivals.filter(({ event }) => event.data["environment"] === "staging").length === 10);
    const staging = dead.arrivals.filter(({ event }) => event.data["environment"] === "staging");
    expect(staging.map(({ event }) => event.data["version"])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("keeps events for an endpoint that fails, however old they are, and for nobody else", async () => {
    await resting();
    await signet.publish("dev", { n: 6 });
    const prune = () => signet.store.write((tx) => tx.deleteDeliveries("9999-01-01T00:00:00.000Z", 500));
    await until(async () => (await signet.services.webhooks.stats(signet.admin)).pending === 6);
    await prune();
    expect(await signet.count("outbox_events")).toBe(6);
  });

  it("tells of a token's end 30, 7 and 1 days before, once each, and never of one that was revoked", async () => {
    await create(receiver, ["token.expiring"]);
    const { token, rawKey } = await signet.runtime("dev", { expiresInDays: 40 });
    const gone = await signet.runtime("prod", { expiresInDays: 40 });
    await signet.services.tokens.revoke(signet.admin, gone.token.id);
    const { store, clock, services } = signet;
    const tell = () => tellExpiringTokens({ store, clock, outbox: services.outbox });
    for (let day = 0; day < 42; day += 1) {
      await tell();
      await tell();
      signet.clock.advanceSeconds(DAY);
    }
    await receiver.count(3);
    const told = receiver.arrivals.map(({ event }) => [event.data["token_id"], event.data["days_left"]]);
    expect(told.sort((a, b) => Number(b[1]) - Number(a[1]))).toEqual([30, 7, 1].map((days) => [token.id, days]));
    expect(JSON.stringify(receiver.arrivals)).not.toContain(rawKey);
  });

  it("tells of all tokens that end at once, and lets other writes in between when they are many", async () => {
    for (let n = 0; n < 101; n += 1) await signet.runtime("dev", { expiresInDays: 5, name: `runtime ${n}` });
    const { store, clock, services } = signet;
    const before = await signet.count("outbox_events");
    const order: string[] = [];
    const told = tellExpiringTokens({ store, clock, outbox: services.outbox }).then(() => order.push("told"));
    const other = signet.count("expiry_notices").then(() => store.write(async () => order.push("other")));
    await Promise.all([told, other]);
    expect(order).toEqual(["other", "told"]);
    expect(await signet.count("outbox_events")).toBe(before + 101);
    await tellExpiringTokens({ store, clock, outbox: services.outbox });
    expect(await signet.count("outbox_events")).toBe(before + 101);
  });
});
