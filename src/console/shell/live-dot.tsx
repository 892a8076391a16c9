import { liveStatus, type LiveStatus } from "../data/live.js";

const WORDS: Readonly<Record<LiveStatus, string>> = {
  live: "Live",
  reconnecting: "Reconnecting",
  paused: "Paused",
  "signed-out": "Signed out",
};

/** Whether what is shown follows the server, as a dot with a word. */
export function LiveDot() {
  const state = liveStatus.value;
  return (
    <span class={`live live-${state}`} role="status">
      <span class="live-dot" aria-hidden="true" />
      <span class="live-word">{WORDS[state]}</span>
    </span>
  );
}
