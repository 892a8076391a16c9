import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import type { Webhook } from "../../../src/core/webhook.js";
import { NO_OBSERVERS } from "../../../src/service/changes/observers.js";
import { SharedWrites } from "../../../src/service/changes/shared-writes.js";
import { WebhookOutcomes } from "../../../src/service/webhooks/webhook-outcome.js";
import type { Store } from "../../../src/store/store.js";
import { startReceiver, type Receiver } from "../../support/receiver.js";
import { publishInput, useServices } from "../fixture.js";

type Services = ReturnType<typeof useServices>["services"];

/** A node whose connection to the database can be cut. */
interface Node {
  readonly services: Services;
  /** As a kill, or a sleep without an end: nothing that it writes arrives any more. */
  cut(): void;
}

describe("the sender of webhooks on two nodes that share a database", () => {
  const signet = useServices(true);
  let receiver: Receiver;
  let nodes: Node[];
  let [one, two]: [Node, Node] = [null!, null!];

  beforeEach(async () => {
    receiver = await startReceiver();
    nodes = [openNode(), openNode()];
    [one, two] = nodes as [Node, Node];
    for (const { services } of nodes) await services.dispatcher.start();
  });
  afterEach(async () => {
    for (const { services } of nodes) await services.dispatcher[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  function openNode(): Node {
    let isCut = false;
    const { store: shared } = signet;
    const store: Store = {
      read: shared.read,
      async write(work) {
        if (isCut) throw new AppError("unavailable", "the connection was cut");
        return await shared.write(work);
      },
      ping: () => shared.ping(),
      [Symbol.asyncDispose]: async () => {},
    };
    const onError = (error: unknown) => {
      if (!isCut) throw error;
    };
    return { services: signet.compose(store, onError), cut: () => void (isCut = true) };
  }

  const publish = ({ services }: Node, envName: string, n: number) =>
    services.publishing.publish(
      signet.change(),
      signet.path(envName),
      publishInput({ policies: JSON.stringify({ n }) }),
    );
  const create = ({ services }: Node): Promise<Webhook> =>
    services.webhooks.create(signet.admin, { url: receiver.url, events: ["bundle.*"], generateSecret: true });
  const states = async ({ id }: Webhook) =>
    (await signet.services.webhooks.deliveries(signet.admin, id, 100, 0, undefined)).rows.map(({ state }) => state);
  const sequences = (environment: string) =>
    receiver.arrivals
      .filter(({ event }) => event.data["environment"] === environment)
      .map(({ event }) => event.data["sequence"]);
  const ids = () => receiver.arrivals.map(({ headers }) => headers["webhook-id"]);

  /** Waits by asking: there is nothing that tells. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
  }

  it("sends every event once, and those of an environment in their order, whichever node makes them", async () => {
    const webhook = await create(one);
    for (let n = 1; n <= 20; n += 1) {
      await publish(n % 2 === 0 ? one : two, "dev", n);
      await publish(n % 3 === 0 ? one : two, "prod", n);
      one.services.dispatcher.othersCommitted();
      two.services.dispatcher.othersCommitted();
    }
    await receiver.count(40);
    await until(async () => (await states(webhook)).every((state) => state === "delivered"));
    for (const { services } of nodes) await services.dispatcher.keepUp();
    expect(new Set(ids()).size).toBe(40);
    expect(ids()).toHaveLength(40);
    const inOrder = Array.from({ length: 20 }, (_, index) => index + 1);
    expect(sequences("dev")).toEqual(inOrder);
    expect(sequences("prod")).toEqual(inOrder);
    expect(await signet.count("webhook_claims")).toBe(1);
  });

  it("is taken over by another node when the claim of a killed one has ended, and not before", async () => {
    const webhook = await create(one);
    await publish(one, "dev", 1);
    await receiver.count(1);
    await until(async () => (await states(webhook)).every((state) => state === "delivered"));
    one.cut();
    await publish(two, "dev", 2);
    signet.clock.advanceSeconds(20);
    await two.services.dispatcher.keepUp();
    expect(receiver.arrivals).toHaveLength(1);
    signet.clock.advanceSeconds(11);
    await two.services.dispatcher.keepUp();
    await receiver.count(2);
    await until(async () => (await states(webhook)).every((state) => state === "delivered"));
    expect(sequences("dev")).toEqual([1, 2]);
  });

  it("sends nothing more from a node that slept longer than its claim, and records what it sent as it is", async () => {
    const webhook = await create(one);
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    receiver.answer = async () => {
      if (receiver.arrivals.length === 1) await asleep;
      return { status: 200 };
    };
    for (let n = 1; n <= 3; n += 1) await publish(one, "dev", n);
    await receiver.count(1);
    signet.clock.advanceSeconds(31);
    await two.services.dispatcher.keepUp();
    await receiver.count(1 + 3);
    await until(async () => (await states(webhook)).every((state) => state === "delivered"));
    wake();
    await one.services.dispatcher.keepUp();
    await one.services.dispatcher[Symbol.asyncDispose]();
    // The first one twice, with one id.
    expect(sequences("dev")).toEqual([1, 1, 2, 3]);
    expect(new Set(ids()).size).toBe(3);
    expect(await states(webhook)).toEqual(["delivered", "delivered", "delivered"]);
  });

  it("gives its webhooks to another node at once when it stops", async () => {
    const webhook = await create(one);
    await publish(one, "dev", 1);
    await receiver.count(1);
    await until(async () => (await states(webhook)).every((state) => state === "delivered"));
    await one.services.dispatcher[Symbol.asyncDispose]();
    expect(await signet.count("webhook_claims")).toBe(0);
    await publish(two, "dev", 2);
    await two.services.dispatcher.keepUp();
    await receiver.count(2);
    expect(sequences("dev")).toEqual([1, 2]);
  });

  it("lets a failure that another node recorded stand", async () => {
    receiver.answer = () => ({ status: 500 });
    const webhook = await create(one);
    await publish(one, "dev", 1);
    await receiver.count(1);
    const attempted = async () => await signet.store.read.nextRetry(webhook.id);
    await until(async () => (await attempted()) !== null);
    const { rows } = await signet.store.read.deliveries(webhook.id, { limit: 1, offset: 0 });
    const [kept] = rows;
    if (kept === undefined) throw new Error("no delivery");
    // As the other node read it, before this one tried.
    const { store, clock } = signet;
    const writes = new SharedWrites(store);
    const { audit, outbox } = two.services;
    const observer = NO_OBSERVERS.deliveries;
    const outcomes = new WebhookOutcomes({ writes, clock, audit, outbox, schedule: [0, 1, 1], observer });
    await outcomes.record({
      ...{ webhook, delivery: { ...kept, attempts: 0 }, isCircuitOpen: false },
      result: { kind: "failed", error: "timeout: late", latencyMs: 1, addressRefused: false },
    });
    expect(await signet.store.read.delivery(webhook.id, kept.id)).toEqual(kept);
  });
});
