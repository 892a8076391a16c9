import { beforeEach, describe, expect, it } from "vitest";
import type { Delivery } from "../../../src/core/webhook.js";
import { DeliveryLanes } from "../../../src/service/webhooks/delivery-lanes.js";

const delivery = (id: string, environmentId: string | null): Delivery => ({
  ...{ id, environmentId, webhookId: "w", eventNumber: 1, eventId: id, eventType: "bundle.published" },
  ...{ state: "pending", attempts: 0, nextAttemptAt: null, lastAttemptAt: null, lastStatus: null },
  ...{ lastLatencyMs: null, lastError: null, lastBody: null, createdAt: "2026-01-01T00:00:00.000Z" },
});
const first = (...ids: string[]) => ids.map((id) => delivery(id, id.slice(0, 1)));

describe("the lanes of a webhook", () => {
  let lanes: DeliveryLanes;
  let attempted: string[];
  let goesOn: boolean;
  let ended: number;
  const finish = new Map<string, (isRecorded: boolean) => void>();

  beforeEach(() => {
    [attempted, goesOn, ended] = [[], true, 0];
    lanes = new DeliveryLanes({
      attempt: ({ id }) => {
        attempted.push(id);
        return new Promise((resolve) => finish.set(id, resolve));
      },
      goesOn: () => goesOn,
      ended: () => (ended += 1),
    });
  });

  /** Everything that follows from the end of an attempt happens before the next turn. */
  async function end(id: string, isRecorded = true): Promise<void> {
    finish.get(id)?.(isRecorded);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it("make first attempts in order in each environment, and of several environments at once", async () => {
    lanes.addFirstAttempts(first("a1", "b1", "a2"));
    lanes.startLanes(16);
    expect(attempted).toEqual(["a1", "b1"]);
    await end("a1");
    expect(attempted).toEqual(["a1", "b1", "a2"]);
    expect([lanes.size, lanes.isBusy, ended]).toEqual([2, true, 0]);
    await end("b1");
    await end("a2");
    expect([lanes.size, lanes.isBusy, ended]).toEqual([0, false, 2]);
  });

  it("hold no event without an environment behind another", () => {
    lanes.addFirstAttempts([delivery("x1", null), delivery("x2", null)]);
    lanes.startLanes(16);
    expect(attempted).toEqual(["x1", "x2"]);
  });

  it("take nothing twice, not even what ended while it was read; and what is read later again", async () => {
    lanes.beginRead();
    lanes.addFirstAttempts(first("a1"));
    lanes.startLanes(16);
    await end("a1");
    lanes.addFirstAttempts(first("a1"));
    lanes.startRetries(first("a1"), 4);
    lanes.startLanes(16);
    expect(attempted).toEqual(["a1"]);
    lanes.beginRead();
    lanes.addFirstAttempts(first("a1"));
    lanes.startLanes(16);
    expect(attempted).toEqual(["a1", "a1"]);
  });

  it("give back what is behind an attempt that could not be recorded, until all of it is read again", async () => {
    lanes.beginRead();
    lanes.addFirstAttempts(first("a1", "a2", "b1"));
    lanes.startLanes(16);
    await end("a1", false);
    expect([attempted, lanes.size, ended]).toEqual([["a1", "b1"], 1, 1]);
    // A read that began before has the next one, and not the one that failed.
    lanes.addFirstAttempts(first("a1", "a2", "a3"));
    lanes.startLanes(16);
    expect(attempted).toEqual(["a1", "b1"]);
    lanes.beginRead();
    lanes.addFirstAttempts(first("a1", "a2", "a3"));
    lanes.startLanes(16);
    await end("a1");
    await end("a2");
    expect(attempted).toEqual(["a1", "b1", "a1", "a2", "a3"]);
  });

  it("run as many as they may, and begin with another one when they were stopped", async () => {
    goesOn = false;
    lanes.addFirstAttempts(first("a1", "a2", "b1"));
    lanes.startLanes(1);
    expect(attempted).toEqual(["a1"]);
    await end("a1");
    lanes.startLanes(1);
    await end("b1");
    lanes.startLanes(1);
    expect(attempted).toEqual(["a1", "b1", "a2"]);
  });

  it("make retries beside the lanes, so many at once", async () => {
    lanes.addFirstAttempts(first("a1"));
    lanes.startLanes(16);
    lanes.startRetries(first("a7", "a8", "a9"), 2);
    expect(attempted).toEqual(["a1", "a7", "a8"]);
    expect(lanes.runningRetries).toBe(2);
    await end("a7");
    expect([lanes.runningRetries, ended]).toEqual([1, 1]);
  });
});
