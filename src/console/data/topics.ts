import { signal, type ReadonlySignal, type Signal } from "@preact/signals";

/** What the server tells of as it happens. */
export const TOPICS = ["activations", "environments", "fleet", "deliveries", "audit"] as const;

/** A topic of the stream. */
export type Topic = (typeof TOPICS)[number];

/** How often each topic was heard of; a call with `refreshOn` is repeated when one of its topics counts up. */
export const ticks: Readonly<Record<Topic, Signal<number>>> = {
  activations: signal(0),
  environments: signal(0),
  fleet: signal(0),
  deliveries: signal(0),
  audit: signal(0),
};

/** Counts a topic up. */
export function announceTopic(topic: Topic): void {
  ticks[topic].value += 1;
}

const misses = signal(0);

/** How often news of all topics may have been missed. */
export const missed: ReadonlySignal<number> = misses;

/** News may have been missed: counts everything up. */
export function announceMissed(): void {
  misses.value += 1;
  for (const topic of TOPICS) announceTopic(topic);
}
