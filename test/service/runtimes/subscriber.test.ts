import { describe, expect, it } from "vitest";
import {
  Subscriber,
  type PushContext,
  type Source,
  type WatchReader,
} from "../../../src/service/runtimes/subscriber.js";
import type { WatchEvent } from "../../../src/service/runtimes/watch.js";

const AT = "2026-01-01T00:00:00.000Z";
const HEARTBEAT: WatchEvent = {
  kind: "heartbeat",
  sequence: 1,
  deploymentId: null,
  proof: null,
  at: AT,
  currentAt: null,
};

/** A watch, and what its room and its hub were asked for. */
function openWatch(onSend: (subscriber: Subscriber, turn: number) => void) {
  const asked: string[] = [];
  const room: PushContext = {
    heartbeatMs: 1_000,
    moment: () => ({ at: AT, currentAt: null }),
    behind: () => undefined,
    join: () => void asked.push("join"),
    leave: () => void asked.push("leave"),
    drain: () => void asked.push("drain"),
  };
  const hub: Source = {
    isCurrent: () => true,
    catchUp: () => undefined,
    heartbeat: () => HEARTBEAT,
    rootEvent: () => HEARTBEAT,
    proofFor: () => null,
    giveRoots: () => undefined,
    delete: () => void asked.push("delete"),
  };
  let turn = 0;
  const reader: WatchReader = {
    opened: () => undefined,
    send: () => {
      turn += 1;
      onSend(subscriber, turn);
      return true;
    },
    end: () => undefined,
    ask: () => undefined,
  };
  const subscriber: Subscriber = new Subscriber(room, hub, reader, null, 0);
  return { subscriber, asked };
}

describe("a watch whose reader goes away while it is sent something", () => {
  it.each([
    ["its first event", 1],
    ["a heartbeat", 2],
  ])("is over with %s, and waits for no heartbeat", (_what, turnOfClose) => {
    const { subscriber, asked } = openWatch((watch, turn) => {
      if (turn === turnOfClose) watch.close();
    });
    subscriber.begin(HEARTBEAT);
    subscriber.beat({ at: AT, currentAt: null });
    expect(asked).toEqual([...(turnOfClose === 2 ? ["join"] : []), "delete", "leave"]);
  });
});
