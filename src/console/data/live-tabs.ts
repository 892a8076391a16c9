import { effect } from "@preact/signals";
import { WatchService } from "../../../gen/signet/v1/watch_pb.js";
import { createServiceClient } from "../../sdk/authorized-transport.js";
import { toSignetError } from "../../sdk/signet-error.js";
import { watchEnvironments, type EnvironmentTopic } from "../../sdk/watch-environments.js";
import { tellEnvironmentNews } from "./environment-news.js";
import { BASE } from "./links.js";
import { LiveTab, type LiveMessage, type LivePorts } from "./live-tab.js";
import { can, reportRefusal, session } from "./session.js";
import { streamNewsOf, type StreamNews } from "./stream-news.js";
import { announceMissed, announceTopic } from "./topics.js";
import { transport } from "./transport.js";

/** A stream that was refused although somebody is signed in is opened again after so long, in milliseconds. */
const RESTART_MS = 1_000;

const client = { watches: createServiceClient(WatchService, transport, null) };

/** Follows the server as long as somebody is signed in: with one stream for all tabs of this browser. */
export function startTabs(onStatus: LivePorts["onStatus"]): void {
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
    onStatus,
    onTopic: announceTopic,
    onNews: tellEnvironmentNews,
    onMissed: announceMissed,
    onRefused(error) {
      onStatus("paused", tab.lastEventMs);
      const refusal = toSignetError(error);
      void reportRefusal(refusal).then((isSignedIn) => {
        // It ended with the session before: a new one is there.
        if (isSignedIn && refusal.code === "unauthenticated") setTimeout(() => tab.restart(), RESTART_MS);
      });
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

/** Follows what the session's token sees: its organization, or its project. */
async function* follow(after: readonly string[], abort: AbortSignal): AsyncGenerator<StreamNews> {
  const current = session.peek();
  if (current.kind !== "signed-in") return;
  const { orgId } = current.who;
  const topics: EnvironmentTopic[] = ["fleet"];
  if (can("org:admin")) topics.push("deliveries");
  if (can("audit:read")) topics.push("audit");
  const events = watchEnvironments(client, { orgId, topics, after, signal: abort });
  for await (const event of events) yield streamNewsOf(event);
}
