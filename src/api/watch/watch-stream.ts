import { AppError } from "../../core/error.js";
import type { Subscription, WatchReader } from "../../service/runtimes/subscriber.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { toAppError } from "../admission/error-status.js";
import { NothingActivePatience } from "../methods/watch-message.js";
import type { WatchReport } from "../http/watch-contract.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { frameForm, type FrameForm, type Frames } from "./frames.js";
import type { Sink, SinkEvents } from "./response-sink.js";
import type { WatchView } from "./watch-view.js";
import type { WatchWire } from "./watch-wire.js";

function ignore(): void {
  // The ping is sent for the connection's sake.
}

/** Writes one watch: a wire, a sink and no queue. */
export class WatchStream implements WatchReader, SinkEvents {
  #sink: Sink | null = null;
  #subscription: Subscription | null = null;
  #hasBegun = false;
  #isOver = false;
  readonly #form: FrameForm;
  /** Null for streams that are sent every event. */
  readonly #patience: NothingActivePatience | null;
  #deadline: NodeJS.Timeout | null = null;

  constructor(
    private readonly frames: Frames,
    private readonly wire: WatchWire,
    view: WatchView,
    private readonly report: WatchReport,
    private readonly streams: StreamObserver,
  ) {
    this.#form = frameForm(wire.body, wire.compression, view);
    this.#patience = view.isSilent ? new NothingActivePatience() : null;
  }

  /** Sets the sink; before the watch is opened. */
  into(sink: Sink): void {
    this.#sink = sink;
  }

  /** Ends it after a time, as the client asked. */
  endAfter(timeoutMs: number): void {
    this.#deadline = setTimeout(() => this.end(new AppError("timeout", "the operation timed out")), timeoutMs);
  }

  opened(subscription: Subscription): void {
    this.#subscription = subscription;
    this.streams.opened(this.report.protocol);
    if (this.#isOver) this.#close();
  }

  send(event: WatchEvent): boolean {
    if (this.#patience !== null && event.kind !== "activation") return this.#passOver(event, this.#patience);
    try {
      const frame = this.frames.of(event, this.#form);
      if (!(frame instanceof Promise)) return this.#write(frame);
      void this.#writeLater(frame);
      return false;
    } catch (thrown) {
      // Before the first message the caller of Push.open still answers it.
      if (!this.#hasBegun) throw thrown;
      // What is active cannot be told in this form.
      if (thrown instanceof AppError) this.end(thrown);
      else this.#cut(thrown);
      return true;
    }
  }

  end(reason: AppError): void {
    if (this.#isOver) return;
    this.report.error ??= reason;
    try {
      this.#begin();
      this.#close();
      this.#sink?.end(this.wire.ending(reason, this.report.requestId));
    } catch (thrown) {
      this.#cut(thrown);
    }
  }

  ask(answered: () => void): void {
    if (!this.#isOver) this.#sink?.ask(answered);
  }

  drained(): void {
    this.#subscription?.ready();
  }

  closed(): void {
    if (this.#isOver) return;
    this.report.error ??= new AppError("cancelled", "the client closed the request");
    this.#close();
  }

  /**
   * Of a stream on which activations alone are sent. Its head goes out at once, since nothing else may for long; a ping in place of each
   * heartbeat keeps the connection open on the way, and finds out when it is gone.
   */
  #passOver(event: WatchEvent, patience: NothingActivePatience): boolean {
    if (!this.#hasBegun) {
      this.#begin();
      this.#sink?.flush();
    }
    this.ask(ignore);
    const end = patience.after(event);
    if (end !== null) this.end(end);
    return true;
  }

  async #writeLater(made: Promise<Buffer>): Promise<void> {
    try {
      if (this.#write(await made)) this.#subscription?.ready();
    } catch (thrown) {
      this.end(toAppError(thrown));
    }
  }

  #write(frame: Buffer): boolean {
    if (this.#isOver) return true;
    this.#begin();
    return this.#sink?.write(frame) ?? true;
  }

  /** A defect of one stream, which must not reach the others that are written in the same round. */
  #cut(thrown: unknown): void {
    this.report.error = toAppError(thrown);
    if (!this.#isOver) this.#close();
    this.#sink?.destroy();
  }

  #begin(): void {
    if (!this.#hasBegun) this.#sink?.begin(this.wire.headers);
    this.#hasBegun = true;
  }

  #close(): void {
    this.#isOver = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    if (this.#subscription === null) return;
    this.#subscription.close();
    this.streams.closed(this.report.protocol);
  }
}
