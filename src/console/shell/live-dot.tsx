import { lastEventMs, liveStatus, type LiveStatus } from "../data/live.js";
import { timeZone } from "../data/preferences.js";
import { absoluteTime } from "../elements/time.js";

const WORDS: Readonly<Record<LiveStatus, string>> = {
  live: "Live",
  reconnecting: "Reconnecting",
  paused: "Paused",
  "signed-out": "Signed out",
};

/** Whether what is shown follows the server, as a dot with a word. */
export function LiveDot() {
  const state = liveStatus.value;
  const heardMs = lastEventMs.value;
  const heard = heardMs === undefined ? {} : { title: `Last heard ${absoluteTime(heardMs, timeZone.value)}` };
  return (
    <span class={`live live-${state}`} role="status" {...heard}>
      <span class="live-dot" aria-hidden="true" />
      <span class="live-word">{WORDS[state]}</span>
    </span>
  );
}
