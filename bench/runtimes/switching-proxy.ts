import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { pipeline } from "node:stream";

/** A proxy of bytes to a server that may be another one from one connection to the next. */
export class SwitchingProxy implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  /** Connections that were made to it. */
  connections = 0;
  /** Where new connections go. */
  target: string;

  private constructor(
    target: string,
    private readonly server: net.Server,
  ) {
    this.target = target;
    server.on("connection", (socket: Socket) => {
      this.connections += 1;
      const { hostname, port } = new URL(this.target);
      const onward = net.connect(Number(port), hostname);
      for (const end of [socket, onward]) {
        this.#sockets.add(end);
        end.on("close", () => this.#sockets.delete(end));
      }
      pipeline(socket, onward, socket, () => {
        socket.destroy();
        onward.destroy();
      });
    });
  }

  static async start(target: string): Promise<SwitchingProxy> {
    const server = net.createServer();
    const proxy = new SwitchingProxy(target, server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }
}
