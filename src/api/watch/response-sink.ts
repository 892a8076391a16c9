import type { ServerResponse } from "node:http";
import { afterThisEvent } from "../http/hang-up.js";
import type { NodeResponse } from "../http/node-http.js";
import { isGone } from "../http/answer.js";
import { whenAnswered } from "./session-pings.js";
import type { Sink, SinkEvents } from "./sink.js";
import type { Ending } from "./wire.js";

/** An answer of HTTP/1.1, or of HTTP/2 through Node's compatibility API. */
export class ResponseSink implements Sink {
  readonly #res: ServerResponse;
  readonly #from: NodeResponse;

  constructor(res: NodeResponse, events: SinkEvents) {
    // Both have the same calls, but TypeScript does not join their overloads.
    this.#res = res as ServerResponse;
    this.#from = res;
    res.on("error", () => undefined);
    res.on("drain", () => events.drained());
    res.once("close", () => events.closed());
    // Its close may be over already: then nobody tells.
    if (isGone(res)) setImmediate(() => events.closed());
  }

  begin(headers: Readonly<Record<string, string>>): void {
    if (isGone(this.#res)) return;
    this.#res.statusCode = 200;
    for (const [name, value] of Object.entries(headers)) this.#res.setHeader(name, value);
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
    // HTTP/1.1 has no ping, and what was written into a socket says nothing of who reads from its other end.
    if ("stream" in this.#from) whenAnswered(this.#from.stream.session, answered);
  }

  destroy(): void {
    afterThisEvent(() => this.#res.destroy());
  }
}
