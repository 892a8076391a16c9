import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeDeleted, removeOldEvents } from "../../../src/service/changes/deletions.js";
import type { Store, Writer } from "../../../src/store/store.js";
import { useServices } from "../fixture.js";

const EVENTS = 450;

describe("work in steps", () => {
  const signet = useServices();
  let write: Store["write"];
  /** Transactions, each with how many deliveries it wrote. */
  let transactions: number[];
  let failsAt: number;

  beforeEach(() => {
    const { store } = signet;
    write = store.write.bind(store);
    [transactions, failsAt] = [[], Infinity];
    store.write = (work) => {
      if (transactions.length === failsAt) return Promise.reject(new Error("the disk is full"));
      const at = transactions.push(0) - 1;
      return write((tx) => {
        const putDelivery: Writer["putDelivery"] = (...put) => {
          transactions[at] = (transactions[at] ?? 0) + 1;
          return tx.putDelivery(...put);
        };
        // Not all of its methods are its own.
        return work(Object.assign(Object.create(tx) as Writer, { putDelivery }));
      });
    };
  });
  afterEach(() => {
    signet.store.write = write;
  });

  const audited = async (action: string) =>
    (await signet.store.read.auditEvents({ orgId: signet.orgId, limit: 100, action })).total;

  it("hides a project that is deleted at once, and goes on with its rows after a failure and after a restart", async () => {
    const { store, services, admin, projectId } = signet;
    for (let n = 0; n < 110; n += 1) await signet.publish("dev", { n });
    const environment = await services.environments.get(admin, { projectId, envName: "dev" });
    await services.projects.delete(admin, projectId);
    const isHidden = async () => {
      await expect(services.projects.get(admin, projectId)).rejects.toMatchObject({ code: "not_found" });
      expect(await signet.store.read.environmentById(environment.id)).toBeNull();
      expect(await audited("project.deleted")).toBe(1);
    };
    await isHidden();
    expect(await store.read.countBundles(environment.id)).toBe(110);
    failsAt = transactions.length + 1;
    await expect(removeDeleted(store)).rejects.toThrow("the disk is full");
    await isHidden();
    expect(await store.read.hasDeleted()).toBe(true);
    store.write = write;
    await signet.reopen();
    expect(await signet.store.read.hasDeleted()).toBe(true);
    await removeDeleted(signet.store);
    expect(await signet.store.read.hasDeleted()).toBe(false);
    expect((await signet.store.read.deployments(environment.id, { limit: 1, offset: 0 })).total).toBe(0);
    write = signet.store.write.bind(signet.store);
  });

  it.each(["project", "environment"] as const)(
    "frees the keys of a deleted %s at once, for every organization",
    async (what) => {
      const { services, admin, projectId } = signet;
      const keyHash = (n: number) => String(n).repeat(64);
      const options = (n: number) => ({ name: `key ${n}`, expiresInDays: null, keyHash: keyHash(n) });
      for (const n of [1, 2, 3]) {
        await services.tokens.createRuntime(admin, { ...options(n), projectId, environmentId: "dev" });
      }
      if (what === "project") await services.projects.delete(admin, projectId);
      else await services.environments.delete(admin, { projectId, envName: "dev" });
      const { adminToken } = await services.organizations.create(admin, {
        ...{ name: "Another", plan: null, versionsPerEnvironment: null },
        adminKeyHash: keyHash(1),
      });
      const again = await services.tokens.createAdmin(admin, options(2));
      const rotated = await services.tokens.rotate(admin, again.token.id, 0, keyHash(3));
      expect(signet.foreignKeys).toEqual([]);
      for (const { token } of [adminToken, rotated]) {
        expect(await signet.store.read.tokenByHash(token.hash)).toMatchObject({ id: token.id, orgId: token.orgId });
      }
      await removeDeleted(signet.store);
      expect(await signet.store.read.hasDeleted()).toBe(false);
      expect(await signet.store.read.tokenByHash(keyHash(1))).toMatchObject({ orgId: adminToken.token.orgId });
      expect(await signet.store.read.tokenByHash(keyHash(3))).toMatchObject({ id: again.token.id });
    },
  );

  async function insertEvents(): Promise<void> {
    await write(async (tx) => {
      for (let n = 1; n <= EVENTS; n += 1) {
        const event = { id: `evt_${n}`, orgId: signet.orgId, environmentId: "e", type: "bundle.published", body: "{}" };
        await tx.insertEvent({
          ...event,
          createdAt: `2026-04-01T00:00:00.${String(n).padStart(3, "0")}Z`,
          trace: null,
        });
      }
      const events = await tx.eventsToFanOut(EVENTS);
      await tx.markFannedOut(events.map(({ number }) => number));
    });
  }

  it("replays events in bounded transactions, in order, told of once; and again after a failure in between", async () => {
    const { services, admin } = signet;
    const { id } = await services.webhooks.create(admin, {
      ...{ url: "https://127.0.0.1:1/", events: ["bundle.*"], generateSecret: true },
    });
    await insertEvents();
    const since = "2026-04-01T00:00:00.011Z";
    const pending = async () =>
      (await signet.store.read.deliveries(id, { limit: 1, offset: 0 }, { state: "pending" })).total;

    failsAt = transactions.length + 2;
    await expect(services.webhooks.replaySince(admin, id, since)).rejects.toThrow("the disk is full");
    expect([await pending(), await audited("webhook.replayed")]).toEqual([190, 1]);

    failsAt = Infinity;
    transactions.length = 0;
    expect(await services.webhooks.replaySince(admin, id, since)).toBe(EVENTS - 10);
    expect(transactions).toEqual([0, 190, 200, 50]);
    expect([await pending(), await audited("webhook.replayed")]).toEqual([EVENTS - 10, 2]);
    const first = await signet.store.read.firstAttempts(id, EVENTS);
    expect(first.map(({ eventId }) => eventId)).toEqual(Array.from({ length: EVENTS - 10 }, (_, n) => `evt_${n + 11}`));
  });

  it("deletes a webhook at once, and its deliveries in steps", async () => {
    const { store, services, admin } = signet;
    const { id } = await services.webhooks.create(admin, {
      ...{ url: "https://127.0.0.1:1/", events: ["*"], generateSecret: true },
    });
    await insertEvents();
    await services.webhooks.replaySince(admin, id, "2026");
    await services.webhooks.delete(admin, id);
    await expect(services.webhooks.get(admin, id)).rejects.toMatchObject({ code: "not_found" });
    expect((await services.webhooks.list(admin, 10, 0)).total).toBe(0);
    expect(await services.webhooks.stats(admin)).toMatchObject({ pending: 0 });
    transactions.length = 0;
    await removeDeleted(store);
    expect(transactions).toHaveLength(Math.ceil((EVENTS + 1) / 100));
    expect((await store.read.deliveries(id, { limit: 1, offset: 0 })).total).toBe(0);
  });

  it("deletes old events with their deliveries, however many webhooks had them", async () => {
    const { store, services, admin } = signet;
    await insertEvents();
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { id } = await services.webhooks.create(admin, {
        ...{ url: `https://127.0.0.1:1/${n}`, events: ["*"], generateSecret: true },
      });
      await services.webhooks.replaySince(admin, id, "2026");
      ids.push(id);
      for (const delivery of await store.read.firstAttempts(id, EVENTS)) {
        await write((tx) => tx.updateDelivery({ ...delivery, state: "delivered", nextAttemptAt: null }));
      }
    }
    transactions.length = 0;
    await removeOldEvents(store, "2026-05-01T00:00:00.000Z");
    expect(transactions.length).toBeGreaterThan(Math.ceil((4 * EVENTS) / 1000));
    expect(await store.read.eventHeadersAfter(signet.orgId, 0, 10)).toEqual([]);
    for (const id of ids) expect((await store.read.deliveries(id, { limit: 1, offset: 0 })).total).toBe(0);
  });
});
