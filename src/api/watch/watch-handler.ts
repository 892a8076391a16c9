import type { Push } from "../../service/runtimes/push.js";
import type { WatchRequest } from "../../service/runtimes/watch.js";
import type { Call } from "../admission/call.js";
import { toAppError } from "../admission/errors.js";
import type { OnRefused } from "../admission/guard.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { headerOf } from "../http/node-http.js";
import type { WatchHandler, WatchReport, WatchRest, WatchRpc } from "../http/watch-handler.js";
import { Frames } from "./frames.js";
import { negotiate, onlyMessage, type Negotiated } from "./negotiate.js";
import { watchRequest } from "../methods/watch-request.js";
import { ResponseSink } from "./response-sink.js";
import { restWire } from "./rest.js";
import type { Sink, SinkEvents } from "./sink.js";
import { WatchStream } from "./watch-stream.js";

/**
 * Serves WatchBundle for fleets. It stands where the protocols' own handlers would be called, behind the same door, and answers the same;
 * what is out of the ordinary (a broken frame, an unknown encoding) it leaves to them.
 */
export class StreamingWatchHandler implements WatchHandler {
  readonly #frames = new Frames();

  constructor(
    private readonly push: Push,
    private readonly onRefused: OnRefused,
    private readonly streams: StreamObserver,
  ) {}

  /** False, and nothing was done, when the protocol's own handler is to answer. Resolves when the answer has begun. */
  async rpc({ form, header, body, message: decoded, call, report, res }: WatchRpc): Promise<boolean> {
    const negotiated = negotiate(form, header);
    const message = onlyMessage(body, decoded);
    if (negotiated === undefined || message === undefined) return false;
    report.reached = true;
    const open = (events: SinkEvents) => new ResponseSink(res, events);
    await this.open(negotiated, call, () => watchRequest(message, header, call), report, open);
    return true;
  }

  /** Throws what ends it before its first message: it can still become a status. Resolves when the answer has begun. */
  async rest({ message, header, call, report, req, res }: WatchRest): Promise<void> {
    const stream = new WatchStream(this.#frames, restWire(headerOf(req, "accept")), report, this.streams);
    const request = watchRequest(message, header, call);
    stream.into(new ResponseSink(res, stream));
    await this.#open(call, request, stream);
  }

  /** Opens a watch on any sink; an error before its first message is its end. */
  async open(
    { wire, timeoutMs }: Negotiated,
    call: Call,
    request: () => WatchRequest,
    report: WatchReport,
    sink: (events: SinkEvents) => Sink,
  ): Promise<void> {
    const stream = new WatchStream(this.#frames, wire, report, this.streams);
    stream.into(sink(stream));
    if (timeoutMs !== undefined) stream.endAfter(timeoutMs);
    try {
      await this.#open(call, request(), stream);
    } catch (thrown) {
      stream.end(toAppError(thrown));
    }
  }

  async #open({ principal, operation }: Call, request: WatchRequest, stream: WatchStream): Promise<void> {
    try {
      await this.push.open(principal, request, stream);
    } catch (thrown) {
      const { code } = toAppError(thrown);
      if (code === "forbidden" || code === "rate_limited") this.onRefused(principal, operation.id, code);
      throw thrown;
    }
  }
}
