import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";

/** Something between a runtime and its server. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** Connections that were made to it. */
  readonly connections: number;
  /** Ends all connections. */
  cut(): void;
}

/** What a proxy of HTTP/1.1 does to what passes. */
export interface Http1Rules {
  /** The page that it answers itself, by the path: a status. Null lets the request pass. */
  page?: (path: string) => number | null;
  /** Passes on an answer when it has all of it: nothing of a stream. */
  buffers?: boolean;
}

/** A proxy that speaks HTTP/1.1 and nothing else. `rules` may change while it runs. */
export async function startHttp1Proxy(target: string, rules: Http1Rules = {}): Promise<Proxy> {
  const server = http.createServer((req, res) => {
    const status = rules.page?.(req.url ?? "") ?? null;
    if (status !== null) {
      res.writeHead(status, { "Content-Type": "text/html" }).end("<html>No.</html>");
      return;
    }
    const onward = http.request(new URL(req.url ?? "", target), { method: req.method, headers: req.headers });
    onward.on("response", (answer) => {
      if (rules.buffers !== true) {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, res, () => undefined);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        res.end(Buffer.concat(chunks));
      });
      answer.on("error", () => res.destroy());
    });
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    req.pipe(onward);
  });
  return await listening(server);
}

/** A proxy of bytes. What `lets` refuses, by the first bytes of a connection, is reset. */
export async function startTcpProxy(target: string, lets: (first: Buffer) => boolean = () => true): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (first) => {
      if (!lets(first)) {
        socket.resetAndDestroy();
        return;
      }
      const onward = net.connect(Number(port), hostname);
      onward.write(first);
      pipeline(socket, onward, () => undefined);
      pipeline(onward, socket, () => undefined);
    });
  });
  return await listening(server);
}

async function listening(server: Server): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
