import { describe, expect, it } from "vitest";
import type { AppError } from "../../../src/core/error.js";
import type { Subscription, WatchReader } from "../../../src/service/runtimes/subscriber.js";
import type { WatchEvent } from "../../../src/service/runtimes/watch.js";
import { useServices } from "../fixture.js";

/** A reader that has room, or not, as the test says. */
class Reader implements WatchReader {
  readonly events: WatchEvent[] = [];
  hasRoom = true;
  isAlive = true;
  ended: AppError | null = null;
  subscription!: Subscription;

  opened(subscription: Subscription): void {
    this.subscription = subscription;
  }

  send(event: WatchEvent): boolean {
    this.events.push(event);
    return this.hasRoom;
  }

  end(reason: AppError): void {
    this.ended = reason;
  }

  ask(answered: () => void): void {
    if (this.isAlive) answered();
  }

  get sequences(): readonly number[] {
    return this.events.map(({ sequence }) => sequence);
  }
}

describe("watches of a fleet", () => {
  const signet = useServices();

  async function open(environment: string, count: number, afterSequence = 0): Promise<readonly Reader[]> {
    const readers = Array.from({ length: count }, () => new Reader());
    for (const [index, reader] of readers.entries()) {
      const { principal } = await signet.runtime(environment, { name: `${environment} ${index}` });
      const address = `192.0.2.${index}`;
      const from = { userAgent: null, clientAddress: address, addressKey: address };
      await signet.services.push.open(
        principal,
        { afterSequence, afterDeploymentId: "", rootVersion: 0, instanceId: "", labels: {}, ...from },
        reader,
      );
    }
    return readers;
  }
  /** Resolves when every reader has got a sequence. */
  const untilAll = (readers: readonly Reader[], sequence: number) =>
    expect.poll(() => readers.every(({ sequences }) => sequences.at(-1) === sequence)).toBe(true);

  it("hand every reader the same object, and tell that all were fed", async () => {
    const readers = await open("dev", 70);
    await signet.publish("dev", { n: 1 });
    await untilAll(readers, 1);
    expect(new Set(readers.map(({ events }) => events.at(-1))).size).toBe(1);
    expect(signet.watches).toEqual({ behind: 0, fed: 1 });
  });

  it("do not hear of another environment", async () => {
    const dev = await open("dev", 3);
    const prod = await open("prod", 3);
    await signet.publish("prod", { n: 1 });
    await untilAll(prod, 1);
    expect(dev.map(({ events }) => events.map(({ kind }) => kind))).toEqual(Array(3).fill(["nothing_active"]));
  });

  it("cost one who has no room a mark and no queue: others go on, and it gets the newest when there is room", async () => {
    const [slow, quick] = await open("dev", 2);
    slow!.hasRoom = false;
    await signet.publish("dev", { n: 1 });
    await untilAll([slow!, quick!], 1);
    expect(signet.watches.behind).toBe(1);
    for (let n = 2; n <= 9; n += 1) await signet.publish("dev", { n });
    await untilAll([quick!], 9);
    expect(slow!.sequences).toEqual([0, 1]);
    slow!.hasRoom = true;
    slow!.subscription.ready();
    await untilAll([slow!], 9);
    expect(slow!.sequences).toEqual([0, 1, 9]);
    expect(signet.watches.behind).toBe(0);
  });

  it("count nobody as behind who went away", async () => {
    const [reader] = await open("dev", 1);
    reader!.hasRoom = false;
    await signet.publish("dev", { n: 1 });
    await untilAll([reader!], 1);
    expect(signet.watches.behind).toBe(1);
    reader!.subscription.close();
    reader!.subscription.close();
    expect(signet.watches.behind).toBe(0);
    await signet.publish("dev", { n: 2 });
    expect(reader!.sequences).toEqual([0, 1]);
    expect(reader!.ended).toBeNull();
  });

  it("send no document to one who has the newest already", async () => {
    await signet.publish("dev", { n: 1 });
    const [reader] = await open("dev", 1, 1);
    expect(reader!.events.map(({ kind }) => kind)).toEqual(["heartbeat"]);
  });

  it("end when the environment is deleted, all of them", async () => {
    const readers = await open("dev", 70);
    await signet.services.environments.delete(signet.admin, signet.path("dev"), { force: true, reason: null });
    await expect.poll(() => readers.every(({ ended }) => ended?.code === "not_found")).toBe(true);
  });
});
