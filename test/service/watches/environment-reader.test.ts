import { expect, it } from "vitest";
import type { EnvironmentHub } from "../../../src/service/watches/environment-hub.js";
import { EnvironmentReader } from "../../../src/service/watches/environment-reader.js";
import { Slots } from "../../../src/service/watches/slots.js";
import { WATCH_TOPICS, type TopicEvent } from "../../../src/service/watches/watch-event.js";
import { MovableClock } from "../fixture.js";

/** A hub whose topics tell of something new at each millisecond. */
function busyHub(now: () => number): EnvironmentHub {
  const event: TopicEvent = { kind: "deliveries", webhookIds: [] };
  const topic = { after: (revision: number) => (now() > revision ? { event, revision: now() } : undefined) };
  const states = new Slots();
  const hub = { id: "h", states, revision: 0, resumableFrom: 0, environments: 0, topic: () => topic };
  return hub as unknown as EnvironmentHub;
}

it("a stream is told of each topic at most 5 times a second, however much happens, and of the last change", () => {
  let nowMs = 0;
  const clock = new MovableClock();
  const freshness = { moment: () => ({ at: "", currentAt: null }) } as never;
  const reader = new EnvironmentReader(
    busyHub(() => Math.min(nowMs, 10_050)),
    WATCH_TOPICS,
    { clock, freshness, heartbeatMs: 1_000_000 },
  );
  reader.begin({ cursors: new Map(), revision: null });
  const toldAt: number[] = [];
  for (nowMs = 1; nowMs <= 11_000; nowMs += 1) {
    for (let event = reader.take(nowMs); event !== undefined; event = reader.take(nowMs)) {
      if (event.kind === "deliveries") toldAt.push(nowMs);
    }
  }
  for (const start of toldAt) {
    const inSecond = toldAt.filter((at) => at >= start && at < start + 1_000);
    expect(inSecond.length).toBeLessThanOrEqual(5 * WATCH_TOPICS.length);
  }
  expect(toldAt.length).toBeGreaterThan(9 * 5 * WATCH_TOPICS.length);
  expect(Math.max(...toldAt)).toBeGreaterThanOrEqual(10_050);
});

it("slots give each key once, in the order of the last puts, also after many were superseded", () => {
  const slots = new Slots<number>();
  for (let revision = 1; revision <= 1_000; revision += 1) slots.put(`key${revision % 7}`, revision, revision);
  slots.delete("key3");
  const seen: number[] = [];
  for (let slot = slots.after(0); slot !== undefined; slot = slots.after(slot.revision)) seen.push(slot.value);
  expect(seen).toEqual([994, 995, 996, 998, 999, 1_000].filter((revision) => revision % 7 !== 3));
  expect([slots.size, slots.get("key6"), slots.get("key3")]).toEqual([6, 1_000, undefined]);
});
