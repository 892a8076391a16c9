import type { EnvironmentNews } from "./environment-news.js";
import type { StreamNews } from "./stream-news.js";
import type { Topic } from "./topics.js";

/** How the stream of changes is. */
export type LiveStatus = "live" | "reconnecting" | "paused" | "signed-out";

/** A tab that nobody sees gives the stream back after so long, in milliseconds. */
export const HIDDEN_MS = 30_000;

/** What happened in the last minute is told as news by a stream that is opened with the page. */
const RECENT_MS = 60_000;

/** What tabs tell each other. */
export type LiveMessage =
  /** A tab that follows wants to know how the stream is. */
  | { readonly kind: "hello" }
  | { readonly kind: "status"; readonly status: LiveStatus; readonly lastEventMs: number | undefined }
  /** The leader heard something. */
  | {
      readonly kind: "event";
      readonly topics: readonly Topic[];
      readonly news?: EnvironmentNews;
      /** Whether something may have been missed before. */
      readonly isAfterGap: boolean;
      readonly atMs: number;
    };

/** What a tab needs of its browser. */
export interface LivePorts {
  /** Waits for the lock that all tabs share, and calls `held` with it; the lock is given back when that resolves. Rejects on abort. */
  readonly lock: (signal: AbortSignal, held: () => Promise<void>) => Promise<void>;
  /** Tells the other tabs. */
  readonly post: (message: LiveMessage) => void;
  /** Opens the stream; `after` are cursors. */
  readonly follow: (after: readonly string[], signal: AbortSignal) => AsyncIterable<StreamNews>;
  /** Calls back once after a time, unless it is told not to. */
  readonly later: (ms: number, call: () => void) => () => void;
  readonly nowMs: () => number;
  readonly onStatus: (status: LiveStatus, lastEventMs: number | undefined) => void;
  readonly onTopic: (topic: Topic) => void;
  readonly onNews: (news: EnvironmentNews) => void;
  /** Anything may have changed unheard. */
  readonly onMissed: () => void;
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
  /** The newest audit event, which a stream tells first, may be an old one. */
  #isFirstAudit = false;
  /** Whether what the screens have read was followed from then on. */
  #hasFollowed = false;
  #isSignedIn = false;
  #isVisible = true;
  #isPaused = false;
  #isLeader = false;
  #cancelPause: () => void = () => undefined;
  #taking: AbortController | null = null;

  constructor(private readonly ports: LivePorts) {}

  /** When the server was last heard of, in milliseconds since 1970. */
  get lastEventMs(): number | undefined {
    return this.#lastEventMs;
  }

  /** Somebody is signed in, or nobody is any more. What another person saw is not gone on from. */
  setSignedIn(isSignedIn: boolean): void {
    if (isSignedIn === this.#isSignedIn) return;
    this.#isSignedIn = isSignedIn;
    if (!isSignedIn) {
      this.#cursors.clear();
      this.#hasFollowed = false;
    }
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
    this.ports.onMissed();
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
          if (message.status === "live") this.#hasFollowed = true;
          this.#setStatus(message.status);
        }
        return;
      case "event": {
        this.#lastEventMs = message.atMs;
        this.#keep(message.news);
        if (!this.#isWanted) return;
        this.#hasFollowed = true;
        this.#setStatus("live");
        this.#tell(message);
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
    this.ports.onMissed();
  }

  /** Opens the stream again after it was refused. */
  restart(): void {
    this.#taking?.abort();
    this.#taking = null;
    this.#settle();
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
    this.#isFirstAudit = !this.#hasFollowed;
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

  #hear({ kind, topics: all, news, newestMs }: StreamNews): void {
    if (kind === "reconnecting") {
      this.#setStatus("reconnecting");
      this.#tellStatus();
      return;
    }
    const atMs = this.ports.nowMs();
    this.#lastEventMs = atMs;
    this.#keep(news);
    const isAudit = kind === "audit";
    const isKnown = (!this.#hasFollowed || (isAudit && this.#isFirstAudit)) && atMs - newestMs >= RECENT_MS;
    const topics = isKnown ? [] : all;
    const told = { topics, isAfterGap: kind === "current" && this.#hasFollowed, ...(news && { news }) };
    if (isAudit) this.#isFirstAudit = false;
    if (kind === "current") this.#hasFollowed = true;
    this.ports.post({ kind: "event", ...told, atMs });
    this.#setStatus("live");
    this.#tell(told);
  }

  #tell({ topics, news, isAfterGap }: Pick<LiveMessage & { kind: "event" }, "topics" | "news" | "isAfterGap">): void {
    if (news !== undefined) this.ports.onNews(news);
    if (isAfterGap) this.ports.onMissed();
    else for (const topic of topics) this.ports.onTopic(topic);
  }

  #keep(news: EnvironmentNews | undefined): void {
    if (news?.kind === "gone") this.#cursors.delete(news.id);
    if (news?.kind === "state") this.#cursors.set(news.value.cursor.split(":", 1)[0] ?? "", news.value.cursor);
  }

  #tellStatus(): void {
    this.ports.post({ kind: "status", status: this.#status, lastEventMs: this.#lastEventMs });
  }

  #setStatus(status: LiveStatus): void {
    this.#status = status;
    this.ports.onStatus(status, this.#lastEventMs);
  }
}
