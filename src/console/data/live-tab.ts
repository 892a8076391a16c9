import type { EnvironmentsEvent } from "../../sdk/watch-environments.js";
import { TOPICS, type Topic } from "./topics.js";

/** How the stream of changes is. */
export type LiveStatus = "live" | "reconnecting" | "paused" | "signed-out";

/** A tab that nobody sees gives the stream back after so long, in milliseconds. */
export const HIDDEN_MS = 30_000;

/** What tabs tell each other. */
export type LiveMessage =
  /** A tab that follows wants to know how the stream is. */
  | { readonly kind: "hello" }
  | { readonly kind: "status"; readonly status: LiveStatus; readonly lastEventMs: number | undefined }
  /** The leader heard something: topics, the new cursor of an environment, or that one is gone. */
  | {
      readonly kind: "event";
      readonly topics: readonly Topic[];
      readonly cursor?: string;
      readonly gone?: string;
      readonly atMs: number;
    };

/** What a tab needs of its browser. */
export interface LivePorts {
  /** Waits for the lock that all tabs share, and calls `held` with it; the lock is given back when that resolves. Rejects on abort. */
  readonly lock: (signal: AbortSignal, held: () => Promise<void>) => Promise<void>;
  /** Tells the other tabs. */
  readonly post: (message: LiveMessage) => void;
  /** Opens the stream; `after` are cursors. */
  readonly follow: (after: readonly string[], signal: AbortSignal) => AsyncIterable<EnvironmentsEvent>;
  /** Calls back once after a time, unless it is told not to. */
  readonly later: (ms: number, call: () => void) => () => void;
  readonly nowMs: () => number;
  readonly onStatus: (status: LiveStatus, lastEventMs: number | undefined) => void;
  readonly onTopic: (topic: Topic) => void;
  /** The server refused the stream for good: the session has ended, for example. */
  readonly onRefused: (error: unknown) => void;
}

/**
 * One tab of those that share a stream. HTTP/1.1 gives a browser six connections to a server, so one tab alone has the stream: the one
 * that holds the lock. When it is closed, or hidden for 30 s, the next one gets the lock, and goes on from the cursors that all of them
 * keep.
 */
export class LiveTab {
  readonly #cursors = new Map<string, string>();
  #status: LiveStatus = "reconnecting";
  #lastEventMs: number | undefined;
  #isSignedIn = false;
  #isVisible = true;
  #isPaused = false;
  #isLeader = false;
  #cancelPause: () => void = () => undefined;
  #taking: AbortController | null = null;

  constructor(private readonly ports: LivePorts) {}

  /** Somebody is signed in, or nobody is any more. What another person saw is not gone on from. */
  setSignedIn(isSignedIn: boolean): void {
    if (isSignedIn === this.#isSignedIn) return;
    this.#isSignedIn = isSignedIn;
    if (!isSignedIn) this.#cursors.clear();
    this.#setStatus(isSignedIn ? "reconnecting" : "signed-out");
    this.#settle();
  }

  /** The tab can be seen, or not. */
  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    this.#cancelPause();
    if (!isVisible) {
      this.#cancelPause = this.ports.later(HIDDEN_MS, () => {
        this.#isPaused = true;
        this.#settle();
      });
      return;
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#settle();
    // Browsers freeze hidden tabs, which then hear nothing of others.
    for (const topic of TOPICS) this.ports.onTopic(topic);
  }

  /** What another tab told. */
  heard(message: LiveMessage): void {
    switch (message.kind) {
      case "hello":
        if (this.#isLeader) this.#tellStatus();
        return;
      case "status":
        if (!this.#isLeader && this.#isWanted) {
          this.#lastEventMs = message.lastEventMs;
          this.#setStatus(message.status);
        }
        return;
      case "event": {
        const { topics, cursor, gone, atMs } = message;
        if (cursor !== undefined) this.#keep(cursor);
        if (gone !== undefined) this.#cursors.delete(gone);
        this.#lastEventMs = atMs;
        if (!this.#isWanted) return;
        this.#setStatus("live");
        for (const topic of topics) this.ports.onTopic(topic);
      }
    }
  }

  /** The page goes away: the next tab takes over. */
  close(): void {
    this.#cancelPause();
    this.#taking?.abort();
    this.#taking = null;
  }

  /** The page is shown again as it was: by the browser's back button. */
  reopen(): void {
    this.#settle();
    for (const topic of TOPICS) this.ports.onTopic(topic);
  }

  get #isWanted(): boolean {
    return this.#isSignedIn && !this.#isPaused;
  }

  /** Takes part, or gives back what it has. */
  #settle(): void {
    if (!this.#isWanted) {
      this.#taking?.abort();
      this.#taking = null;
      this.#setStatus(this.#isSignedIn ? "paused" : "signed-out");
      return;
    }
    if (this.#taking !== null) return;
    const taking = new AbortController();
    this.#taking = taking;
    this.#setStatus("reconnecting");
    this.ports.post({ kind: "hello" });
    // Rejects when it is given up before it was held.
    this.ports.lock(taking.signal, () => this.#lead(taking.signal)).catch(() => undefined);
  }

  async #lead(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#isLeader = true;
    this.#setStatus("reconnecting");
    this.#tellStatus();
    try {
      for await (const event of this.ports.follow([...this.#cursors.values()], signal)) {
        if (signal.aborted) return;
        this.#hear(event);
      }
    } catch (error) {
      if (!signal.aborted) this.ports.onRefused(error);
    } finally {
      this.#isLeader = false;
    }
  }

  #hear(event: EnvironmentsEvent): void {
    if (event.type === "reconnecting") {
      this.#setStatus("reconnecting");
      this.#tellStatus();
      return;
    }
    this.#lastEventMs = this.ports.nowMs();
    const cursor = event.type === "environment" ? { cursor: event.value.cursor } : {};
    const gone = event.type === "environment_deleted" ? { gone: event.value.id } : {};
    if (cursor.cursor !== undefined) this.#keep(cursor.cursor);
    if (gone.gone !== undefined) this.#cursors.delete(gone.gone);
    const topics = topicsOf(event);
    this.ports.post({ kind: "event", topics, ...cursor, ...gone, atMs: this.#lastEventMs });
    this.#setStatus("live");
    for (const topic of topics) this.ports.onTopic(topic);
  }

  #keep(cursor: string): void {
    this.#cursors.set(cursor.split(":", 1)[0] ?? "", cursor);
  }

  #tellStatus(): void {
    this.ports.post({ kind: "status", status: this.#status, lastEventMs: this.#lastEventMs });
  }

  #setStatus(status: LiveStatus): void {
    this.#status = status;
    this.ports.onStatus(status, this.#lastEventMs);
  }
}

/** The topics that an event is of. */
function topicsOf(event: EnvironmentsEvent): readonly Topic[] {
  switch (event.type) {
    case "environment":
      return event.value.activated ? ["activations", "environments"] : ["environments"];
    case "environment_deleted":
    case "project":
    case "project_deleted":
      return ["environments"];
    case "current":
      // What a screen has read may be older than the stream.
      return TOPICS;
    case "fleet":
      return ["fleet"];
    case "deliveries":
      return ["deliveries"];
    case "audit":
      return ["audit"];
    case "heartbeat":
    case "reconnecting":
      return [];
  }
}
