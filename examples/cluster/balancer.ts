import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

const HOST = "127.0.0.1";

/**
 * A TCP balancer for an example: each connection goes to the next node in turn that takes it. For a site take HAProxy, nginx or the like
 * (docs/scale.md), which also know a node that takes connections and cannot serve.
 */
export class Balancer implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #turn = 0;

  private constructor(private readonly nodes: readonly number[]) {
    this.#server = createServer({ pauseOnConnect: true }, (client) => void this.#take(client));
  }

  /**
   * Listens on a port of 127.0.0.1, or on any free one when that is taken.
   *
   * @param nodes the nodes' ports on 127.0.0.1
   */
  static async open(nodes: readonly number[], port: number): Promise<Balancer> {
    const balancer = new Balancer(nodes);
    const listen = async (on: number) => {
      balancer.#server.listen(on, HOST);
      await once(balancer.#server, "listening");
    };
    await listen(port).catch(() => listen(0));
    return balancer;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(client: Socket): Promise<void> {
    this.#keep(client);
    for (let tries = 0; tries < this.nodes.length; tries += 1) {
      const port = this.nodes[this.#turn % this.nodes.length] ?? 0;
      this.#turn += 1;
      const node = await connectTo(port);
      if (node === null) continue;
      this.#keep(node);
      // What ends at one side ends at the other.
      client.once("close", () => node.destroy());
      node.once("close", () => client.destroy());
      if (client.destroyed) node.destroy();
      client.pipe(node).pipe(client);
      return;
    }
    client.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), "close");
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Null for a node that takes no connection. */
async function connectTo(port: number): Promise<Socket | null> {
  const socket = connect(port, HOST);
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return null;
  }
}
