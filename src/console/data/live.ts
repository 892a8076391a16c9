import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { toSignetError } from "../../sdk/signet-error.js";
import { tellEnvironmentNews } from "./environment-news.js";
import { BASE } from "./links.js";
import { LiveTab, type LiveMessage, type LiveStatus } from "./live-tab.js";
import { reportRefusal, session } from "./session.js";
import type { StreamNews } from "./stream-news.js";
import { announceMissed, announceTopic } from "./topics.js";

export type { LiveStatus };

const status = signal<LiveStatus>("reconnecting");
const lastEvent = signal<number | undefined>(undefined);

/** Whether what is shown follows the server. */
export const liveStatus: ReadonlySignal<LiveStatus> = status;

/** When the server was last heard of, in milliseconds since 1970; heartbeats count. Undefined before the first time. */
export const lastEventMs: ReadonlySignal<number | undefined> = lastEvent;

/** Follows the server as long as somebody is signed in: with one stream for all tabs of this browser. */
export function startLive(): void {
  const name = `signet-live ${BASE}`;
  const channel = new BroadcastChannel(name);
  const tab = new LiveTab({
    async lock(abort, held) {
      // A page that is neither over TLS nor on this machine has no locks: each of its tabs has a stream then.
      const locks = navigator.locks as LockManager | undefined;
      if (locks === undefined) await held();
      else await locks.request(name, { signal: abort }, held);
    },
    post: (message) => channel.postMessage(message),
    follow,
    later(ms, call) {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    nowMs: () => Date.now(),
    onStatus(now, heardMs) {
      status.value = now;
      lastEvent.value = heardMs;
    },
    onTopic: announceTopic,
    onNews: tellEnvironmentNews,
    onMissed: announceMissed,
    onRefused(error) {
      status.value = "paused";
      reportRefusal(toSignetError(error));
    },
  });
  channel.onmessage = ({ data }: MessageEvent<LiveMessage>) => tab.heard(data);
  document.addEventListener("visibilitychange", () => tab.setVisible(!document.hidden));
  addEventListener("pagehide", () => tab.close());
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) tab.reopen();
  });
  tab.setVisible(!document.hidden);
  effect(() => tab.setSignedIn(session.value.kind === "signed-in"));
}

/** Loads the stream's part of the program when it is first needed. */
async function* follow(after: readonly string[], abort: AbortSignal): AsyncGenerator<StreamNews> {
  const { followEnvironments } = await import("./live-stream.js");
  const current = session.peek();
  if (current.kind === "signed-in") yield* followEnvironments(current.who.orgId, after, abort);
}
