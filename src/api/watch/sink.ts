import type { Ending } from "./wire.js";

/** Where the frames of one watch go: an answer of HTTP/1.1 or HTTP/2. Nothing throws, also when the client is gone. */
export interface Sink {
  begin(headers: Readonly<Record<string, string>>): void;
  /** False when there is no room for more until `SinkEvents.drained`. */
  write(frame: Uint8Array): boolean;
  end(ending: Ending): void;
  /** Calls back when the client shows that it is alive; never where its protocol has no way to. */
  ask(answered: () => void): void;
  /** Cuts the connection or stream: for what can no longer be said. */
  destroy(): void;
}

/** What a sink tells. */
export interface SinkEvents {
  drained(): void;
  /** The answer is over, or the client went away. Once. */
  closed(): void;
}
