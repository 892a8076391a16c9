import type { ServerResponse } from "node:http";
import { afterThisEvent } from "../http/hang-up.js";
import type { NodeResponse } from "../http/node-http.js";
import { isGone } from "../http/answer.js";
import { whenAnswered } from "./session-pings.js";
import type { Ending } from "./watch-wire.js";

/** Takes the frames of one watch. No method throws, also when the client has disconnected. */
export interface Sink {
  begin(headers: Readonly<Record<string, string>>): void;
  /** Sends the head before the first frame. */
  flush(): void;
  /** False when the buffer is full: send no more until `SinkEvents.drained`. */
  write(frame: Uint8Array): boolean;
  end(ending: Ending): void;
  /** Calls back when the client shows that it is alive; never where its protocol has no way to. */
  ask(answered: () => void): void;
  /** Cuts the connection or stream, for an end that cannot be told to the client any more. */
  destroy(): void;
}

/** The events of a sink. */
export interface SinkEvents {
  /** The buffer has space again. */
  drained(): void;
  /** The answer is over, or the client went away. Once. */
  closed(): void;
}

const EVENTS = Symbol("the events of a sink");

type Response = NodeResponse & { [EVENTS]?: SinkEvents };

// One function for all responses: a closure for each would be memory that a fleet has ten thousand times.
function onDrain(this: Response): void {
  this[EVENTS]?.drained();
}

function onClose(this: Response): void {
  this[EVENTS]?.closed();
}

function ignore(): void {
  // The close event follows.
}

/** A sink that is an answer of HTTP/1.1, or of HTTP/2 through Node's compatibility API. */
export class ResponseSink implements Sink {
  readonly #res: ServerResponse;
  readonly #from: Response;

  constructor(res: NodeResponse, events: SinkEvents) {
    // Both have the same calls, but TypeScript does not join their overloads.
    this.#res = res as ServerResponse;
    this.#from = res;
    this.#from[EVENTS] = events;
    res.on("error", ignore);
    res.on("drain", onDrain);
    res.on("close", onClose);
    // It may have closed already, before there was a listener.
    if (isGone(res)) setImmediate(() => events.closed());
  }

  begin(headers: Readonly<Record<string, string>>): void {
    if (isGone(this.#res)) return;
    this.#res.statusCode = 200;
    for (const [name, value] of Object.entries(headers)) this.#res.setHeader(name, value);
  }

  flush(): void {
    if (!isGone(this.#res)) this.#res.flushHeaders();
  }

  write(frame: Uint8Array): boolean {
    return isGone(this.#res) || this.#res.write(frame);
  }

  end({ last, trailers }: Ending): void {
    if (isGone(this.#res)) return;
    if (trailers !== null) {
      if (!this.#res.headersSent) this.#res.writeHead(this.#res.statusCode);
      this.#res.addTrailers(trailers);
    }
    if (last === null) this.#res.end();
    else this.#res.end(last);
  }

  ask(answered: () => void): void {
    // HTTP/1.1 has no ping, and bytes that were written into a socket do not show that anybody reads them.
    if ("stream" in this.#from) whenAnswered(this.#from.stream.session, answered);
  }

  destroy(): void {
    afterThisEvent(() => this.#res.destroy());
  }
}
