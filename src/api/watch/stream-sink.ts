import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { afterThisEvent } from "../http/hang-up.js";
import { whenAnswered } from "./session-pings.js";
import type { Sink, SinkEvents } from "./sink.js";
import type { Ending } from "./wire.js";

const SINK = Symbol("the sink of a stream");

type Held = ServerHttp2Stream & { [SINK]?: StreamSink };

// One function for all streams: a closure for each would be memory that a fleet has ten thousand times.
function onDrain(this: Held): void {
  this[SINK]?.events.drained();
}

function onClose(this: Held): void {
  this[SINK]?.events.closed();
}

function onWantTrailers(this: Held): void {
  this.sendTrailers(this[SINK]?.trailers ?? {});
}

/** A stream of HTTP/2 without Node's compatibility API. */
export class StreamSink implements Sink {
  trailers: OutgoingHttpHeaders | null = null;

  /** @param common headers of every answer */
  constructor(
    private readonly stream: Held,
    private readonly common: OutgoingHttpHeaders,
    readonly events: SinkEvents,
  ) {
    stream[SINK] = this;
    stream.on("drain", onDrain);
    stream.on("close", onClose);
    stream.on("wantTrailers", onWantTrailers);
    // Its close may be over already: then nobody tells.
    if (stream.closed) setImmediate(() => events.closed());
  }

  begin(headers: Readonly<Record<string, string>>): void {
    if (this.#isGone) return;
    this.stream.respond({ ...this.common, ...headers, ":status": 200 }, { waitForTrailers: true });
  }

  write(frame: Uint8Array): boolean {
    return this.#isGone || this.stream.write(frame);
  }

  end({ last, trailers }: Ending): void {
    if (this.#isGone) return;
    this.trailers = trailers;
    if (last === null) this.stream.end();
    else this.stream.end(last);
  }

  ask(answered: () => void): void {
    whenAnswered(this.stream.session, answered);
  }

  destroy(): void {
    afterThisEvent(() => this.stream.destroy());
  }

  get #isGone(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }
}
