import { signal, type ReadonlySignal } from "@preact/signals";
import type { LiveStatus } from "./live-tab.js";

export type { LiveStatus };

const status = signal<LiveStatus>("reconnecting");
const lastEvent = signal<number | undefined>(undefined);

/** Whether what is shown follows the server. */
export const liveStatus: ReadonlySignal<LiveStatus> = status;

/** When the server was last heard of, in milliseconds since 1970; heartbeats count. Undefined before the first time. */
export const lastEventMs: ReadonlySignal<number | undefined> = lastEvent;

/** Follows the server as long as somebody is signed in. The program for it is loaded beside that of the first screen. */
export function startLive(): void {
  const onStatus = (now: LiveStatus, heardMs: number | undefined) => {
    status.value = now;
    lastEvent.value = heardMs;
  };
  import("./live-tabs.js").then(
    ({ startTabs }) => startTabs(onStatus),
    () => onStatus("paused", undefined),
  );
}
