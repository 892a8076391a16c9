import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Session, ClientHttp2Stream, Settings } from "node:http2";

type Request = Parameters<Http2SessionManager["request"]>;

/** Streams on a connection before a server has said how many it takes: RFC 9113, section 6.5.2, recommends no fewer. */
const UNTOLD_STREAMS = 100;

/** One of the connections. Its manager opens it again after it has ended. */
interface Member {
  readonly manager: Http2SessionManager;
  streams: number;
}

/**
 * HTTP/2 connections to one server: as many as its limit of streams for each asks for. Node queues a stream above the limit, without a
 * word, until another one ends, which a watch may never do.
 */
export class Http2Pool {
  readonly #members: Member[] = [];
  readonly #seen = new WeakSet<ClientHttp2Session>();
  #maxStreams = UNTOLD_STREAMS;

  /**
   * @param authority the origin of the server's URL
   * @param open makes a manager of one more connection to it
   */
  constructor(
    readonly authority: string,
    private readonly open: () => Http2SessionManager,
  ) {}

  /** Begins a request on the first connection that has room for it. */
  async request(...request: Request): Promise<ClientHttp2Stream> {
    let member = this.#members.find(({ streams }) => streams < this.#maxStreams);
    if (member === undefined) {
      member = { manager: this.open(), streams: 0 };
      this.#members.push(member);
    }
    const used = member;
    // Counted before there is a stream: many may wait for the connection.
    used.streams += 1;
    let stream: ClientHttp2Stream;
    try {
      stream = await used.manager.request(...request);
    } catch (thrown) {
      used.streams -= 1;
      throw thrown;
    }
    stream.once("close", () => (used.streams -= 1));
    if (stream.session !== undefined) this.#see(stream.session as ClientHttp2Session);
    return stream;
  }

  /** Tells the connection of the stream that it is alive. */
  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    for (const { manager } of this.#members) manager.notifyResponseByteRead(stream);
  }

  /** Ends all connections, and the requests on them. */
  abort(): void {
    for (const { manager } of this.#members) manager.abort();
  }

  #see(session: ClientHttp2Session): void {
    if (this.#seen.has(session)) return;
    this.#seen.add(session);
    // An error event without a listener ends the process; the stream reports it to the caller.
    session.on("error", () => undefined);
    // A manager that verifies an idle connection by a ping waits for an answer or an error, and for ever when the peer just closes it.
    session.once("close", () => session.emit("error", new Error("the connection was closed")));
    const learn = ({ maxConcurrentStreams = UNTOLD_STREAMS }: Settings) => {
      this.#maxStreams = Math.max(1, maxConcurrentStreams);
    };
    learn(session.remoteSettings);
    session.on("remoteSettings", learn);
  }
}
