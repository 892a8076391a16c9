import type { UpdateSource } from "../../../bundle/trust/update.js";
import type { TransportName } from "../runtime.js";

/** What a runtime has, which is where a watch or a poll goes on. */
export interface Position {
  /** 0 for nothing. */
  readonly sequence: number;
  /** Empty for nothing. */
  readonly deploymentId: string;
  /** Of the newest root; 0 for pinned keys. */
  readonly rootVersion: number;
}

/** What the server says to be active; not verified. */
export interface About {
  readonly sequence: number;
  readonly deploymentId: string;
}

/** What a connection brings: something to verify, or no more than a sign of life. */
export type News =
  | {
      readonly type: "proof";
      readonly about: About;
      /** The newest root that the connection pushed; 0 for none. Not verified. */
      readonly roots: number;
      readonly source: UpdateSource;
      /** Asks for all that is active, where the source is a lease alone, which is not enough for who has lost its activation. */
      readonly whole: (() => Promise<UpdateSource>) | null;
    }
  | { readonly type: "alive" };

/** One way to follow a server. */
export interface Rung {
  readonly name: TransportName;
  /**
   * News until the signal aborts, from the position that it asks for when it begins. The first comes at once if the path lets this way
   * through. Throws SignetError; `timeout` when the first takes longer than `firstMs`.
   */
  open(position: () => Position, signal: AbortSignal, firstMs: number): AsyncIterable<News>;
}

/** Who follows, and how long a connection may be silent. */
export interface Following {
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The limit for each message after the first. */
  readonly silentMs: number;
}
