import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A port that leads to a server: one of its "nodes", which can be cut off, or say that it is not ready. */
export class Relay implements AsyncDisposable {
  /** Connections that were let through since the start, those of probes too. */
  taken = 0;
  /** Answers `GET /readyz` with 503 as a server does without its database; all else goes through. Only where there is no TLS. */
  isUnready = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#take(socket));

  private constructor(readonly target: number) {}

  /** Starts one on a free port. */
  static async open(target: number): Promise<Relay> {
    const relay = new Relay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
    socket.once("data", (first) => {
      if (this.isUnready && first.toString("latin1").startsWith("GET /readyz HTTP/")) {
        socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
      }
      this.taken += 1;
      const onward = connect(this.target, "127.0.0.1");
      onward.on("error", () => socket.destroy());
      onward.once("close", () => socket.destroy());
      socket.once("close", () => onward.destroy());
      onward.write(first);
      socket.pipe(onward).pipe(socket);
    });
  }

  /** Ends the port and all connections through it at once, as a node that was killed does. */
  async cut(): Promise<void> {
    const closed = once(this.#server.close(), "close");
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.cut();
  }
}
