import type { ServerResponse } from "node:http";
import { waitFor } from "../../core/schedule/wait.js";
import { refusalBody, type Refusal } from "./local-answer.js";
import type { StreamState, WatchFeed, WatchForm } from "./watch-feed.js";

const STUCK_MS = 60_000;

/** The parts of a stream. */
export interface WatchStreamOptions {
  readonly response: ServerResponse;
  readonly feed: WatchFeed;
  readonly form: WatchForm;
  readonly state: StreamState;
  readonly onChange: (woken: () => void) => Disposable;
  /** The stream of a reader that takes nothing for this long is ended; in milliseconds. Default: a minute. */
  readonly stuckMs?: number;
}

/**
 * One stream to a local reader. It holds no queue: each message is made when the reader can take it, so a slow reader skips superseded ones.
 */
export class WatchStream {
  #isDirty = true;
  #isRunning = false;
  #isOver = false;
  readonly #left = new AbortController();
  readonly #change: Disposable;
  /** Resolves when the reader has gone, or the stream was ended. */
  readonly over: Promise<void>;

  constructor(private readonly options: WatchStreamOptions) {
    const { response, form, onChange } = options;
    response.writeHead(200, {
      "Content-Type": form === "events" ? "text/event-stream" : "application/x-ndjson",
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
    });
    response.flushHeaders();
    this.#change = onChange(() => this.wake());
    this.over = new Promise((resolve) => {
      response.on("close", () => {
        this.#close();
        resolve();
      });
    });
    this.wake();
  }

  /** Something has changed. */
  wake(): void {
    this.#isDirty = true;
    if (this.#isRunning || this.#isOver) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Sends a heartbeat, unless the reader has not taken the message before it. */
  beat(): void {
    const { response, feed, form, state } = this.options;
    if (this.#isOver || state.isFirst || response.writableNeedDrain) return;
    response.write(feed.heartbeat(state, form));
  }

  /** Ends it, saying why. */
  end(refusal: Refusal): void {
    const { response, form } = this.options;
    if (this.#isOver) return;
    this.#close();
    const body = refusalBody(refusal);
    const seconds = Number(refusal.headers["Retry-After"] ?? 1);
    // Not all at once.
    const retryMs = Math.round((seconds + Math.random()) * 1000);
    const line = `{"error":${body},"retry_after_seconds":${seconds}}\n`;
    response.end(form === "events" ? `retry: ${retryMs}\nevent: error\ndata: ${body}\n\n` : line);
  }

  async #run(): Promise<void> {
    while (this.#isDirty && !this.#isOver) {
      this.#isDirty = false;
      // The source counts a superseded, refused or missing document, and the next change wakes the stream again.
      await this.#sendAll().catch(() => undefined);
    }
    // In the same turn as the last look: a change after it starts anew.
    this.#isRunning = false;
  }

  async #sendAll(): Promise<void> {
    const { response, feed, form, state } = this.options;
    for (let frame = await feed.next(state, form); frame !== null; frame = await feed.next(state, form)) {
      if (this.#isOver) return;
      frame.sent(state);
      if (!response.write(frame.bytes) && !(await this.#drained())) return;
    }
  }

  /** False when the reader has gone, or takes nothing. */
  async #drained(): Promise<boolean> {
    const { response, stuckMs = STUCK_MS } = this.options;
    const drain = new Promise<void>((resolve) => response.once("drain", resolve));
    const isInTime = await waitFor(drain, stuckMs, [this.#left.signal]).catch(() => null);
    if (isInTime === false) response.destroy();
    return isInTime === true;
  }

  #close(): void {
    this.#isOver = true;
    this.#change[Symbol.dispose]();
    this.#left.abort();
  }
}
