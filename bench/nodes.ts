/** Signet servers on one PostgreSQL database, each in a process of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, type Cluster } from "../tools/postgres/cluster.js";
import { SignetBench } from "./signet-bench.js";
import { SignetProcess } from "./signet-process.js";

/** A database that the nodes of a benchmark share. Durable, as in production. */
export class SharedDatabase implements AsyncDisposable {
  private constructor(
    readonly cluster: Cluster,
    readonly url: string,
    private readonly direct: Relay,
  ) {}

  static async open(): Promise<SharedDatabase> {
    const cluster = await startCluster({ fsync: true });
    return new SharedDatabase(cluster, await cluster.createDatabase("signet"), await Relay.start(cluster.port));
  }

  /** The settings of a node. */
  get settings(): Readonly<Record<string, string>> {
    const direct = new URL(this.url);
    direct.port = String(this.direct.port);
    return {
      SIGNET_DATABASE_URL: this.url,
      SIGNET_DATABASE_DIRECT_URL: direct.href,
      SIGNET_KEY_SECRET: "a secret of the benchmark, long enough",
    };
  }

  /** From here on no node hears NOTIFY: they look into the log of changes. */
  stopNotifications(): void {
    this.direct.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.direct.stop();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** Nodes of one database; the first one made it. */
export class Nodes implements AsyncDisposable {
  private constructor(
    readonly first: SignetBench,
    private readonly others: readonly { readonly process: SignetProcess; readonly directory: string }[],
  ) {}

  static async open(database: SharedDatabase, count: number): Promise<Nodes> {
    const first = await SignetBench.open("silent", null, database.settings);
    const others = [];
    for (let node = 1; node < count; node += 1) {
      const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
      others.push({ directory, process: await SignetProcess.start(directory, "silent", null, database.settings) });
    }
    return new Nodes(first, others);
  }

  get urls(): readonly string[] {
    return [this.first.url, ...this.others.map((node) => node.process.started.url)];
  }

  get ports(): readonly number[] {
    return this.urls.map((url) => Number(new URL(url).port));
  }

  get pids(): readonly number[] {
    return [this.first.pid, ...this.others.map((node) => node.process.pid)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process, directory } of this.others) {
      await process[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    }
    await this.first[Symbol.asyncDispose]();
  }
}

/** A way to a port that can be closed. */
class Relay {
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(target: number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on("connection", (socket) => {
      const other = connect(target, "127.0.0.1");
      for (const end of [socket, other]) {
        relay.#sockets.add(end);
        end.on("error", () => undefined).on("close", () => relay.#sockets.delete(end));
      }
      socket.pipe(other).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
