import type { ActiveContents } from "../../service/runtimes/active-contents.js";
import type { ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import type { Push } from "../../service/runtimes/push.js";
import type { WatchRequest } from "../../service/runtimes/watch.js";
import type { Call } from "../admission/call.js";
import { toAppError } from "../admission/error-status.js";
import type { OnRefused } from "../admission/guard.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { headerOf } from "../http/node-http.js";
import type { WatchHandler, WatchRest, WatchRpc } from "../http/watch-contract.js";
import { Frames } from "./frames.js";
import { negotiate, onlyMessage } from "./negotiate.js";
import { ResponseSink } from "./response-sink.js";
import { restWire } from "./watch-wire.js";
import { WatchStream } from "./watch-stream.js";
import { watchedMethod } from "./watch-view.js";

/**
 * Serves WatchBundle, WatchPolicies and SyncFlags for fleets, with frames that all streams share. Requests that a protocol refuses (a broken frame, an unknown
 * encoding) are left to the protocol's own handler, which has the words for it.
 */
export class StreamingWatchHandler implements WatchHandler {
  readonly #frames: Frames;

  constructor(
    private readonly push: Push,
    private readonly onRefused: OnRefused,
    private readonly streams: StreamObserver,
    contents: ActiveContents,
    policies: ActivePolicyTexts,
  ) {
    this.#frames = new Frames(contents, policies);
  }

  async rpc({ method, form, header, body, message: decoded, call, report, res }: WatchRpc): Promise<boolean> {
    const negotiated = negotiate(form, header);
    const message = onlyMessage(method.input, body, decoded);
    if (negotiated === undefined || message === undefined) return false;
    const { wire, timeoutMs } = negotiated;
    const watched = watchedMethod(method);
    report.reached = true;
    const stream = new WatchStream(this.#frames, wire, watched.view(message), report, this.streams);
    stream.into(new ResponseSink(res, stream));
    if (timeoutMs !== undefined) stream.endAfter(timeoutMs);
    try {
      await this.#open(call, watched.request(message, header, call), stream);
    } catch (thrown) {
      stream.end(toAppError(thrown));
    }
    return true;
  }

  async rest({ method, message, header, call, report, req, res }: WatchRest): Promise<void> {
    const watched = watchedMethod(method);
    const view = watched.view(message);
    const wire = restWire(headerOf(req, "accept"), view.content);
    const stream = new WatchStream(this.#frames, wire, view, report, this.streams);
    const request = watched.request(message, header, call);
    stream.into(new ResponseSink(res, stream));
    await this.#open(call, request, stream);
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
