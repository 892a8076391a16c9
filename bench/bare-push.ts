/** The least that a push can cost in Node: a node:http2 server that writes one shared frame to all streams. In a process of its own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { WatchCall } from "./load/watchers.js";
import { grpcHeaders } from "./signet-bench.js";

export class BarePush implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<BarePush> {
    const child = fork(fileURLToPath(import.meta.url));
    const [port] = (await once(child, "message")) as [number];
    return new BarePush(port, child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  watchCall(): WatchCall {
    return { port: this.port, path: "/bare", headers: grpcHeaders(this.port), message: "", half: true };
  }

  async publish(bytes: number): Promise<void> {
    this.child.send(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }
}

/** A gRPC message of that many bytes. */
function frameOf(bytes: number): Buffer {
  const frame = Buffer.alloc(5 + bytes, "x");
  frame[0] = 0;
  frame.writeUInt32BE(bytes, 1);
  return frame;
}

function serve(): void {
  const streams = new Set<ServerHttp2Stream>();
  const first = frameOf(16);
  const server = createServer();
  server.on("session", (session) => session.on("error", () => session.destroy()));
  server.on("stream", (stream) => {
    streams.add(stream);
    stream.on("close", () => streams.delete(stream));
    stream.on("error", () => stream.destroy());
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(first);
  });
  process.on("message", (bytes: number) => {
    const frame = frameOf(bytes);
    for (const stream of streams) stream.write(frame);
  });
  process.on("disconnect", () => process.exit());
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
    process.send?.((server.address() as AddressInfo).port);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
