import { signal, type ReadonlySignal } from "@preact/signals";

/** How the stream of changes is. */
export type LiveStatus = "live" | "reconnecting" | "paused" | "signed-out";

const status = signal<LiveStatus>("reconnecting");

/** Whether what is shown follows the server. */
export const liveStatus: ReadonlySignal<LiveStatus> = status;
