import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createRawServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** One request as a target got it. */
export interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answer = (response: ServerResponse, received: Received) => void;

const ok: Answer = (response) => response.end("ok");

/** A webhook's target on 127.0.0.1, which answers its n-th request with the n-th answer, and with the last from then on. */
export async function startTarget(...answers: Answer[]) {
  const requests: Received[] = [];
  return await listen(createServer(answering(requests, answers)), requests);
}

/** The same with TLS. */
export async function startSecureTarget(tls: { key: string; cert: string }, ...answers: Answer[]) {
  const requests: Received[] = [];
  return await listen(createSecureServer(tls, answering(requests, answers)), requests);
}

/** A server on 127.0.0.1 that does as it likes with every connection. */
export async function startRawTarget(onConnection: (socket: Socket) => void = () => {}) {
  return await listen(createRawServer(onConnection), []);
}

function answering(requests: Received[], answers: Answer[]): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") };
      const index = requests.push(received) - 1;
      (answers[Math.min(index, answers.length - 1)] ?? ok)(response, received);
    });
  };
}

async function listen(server: Server, requests: Received[]) {
  const sockets: Socket[] = [];
  const serverNames: (string | false)[] = [];
  server.on("secureConnection", (socket: TLSSocket & { servername: string | false }) => {
    serverNames.push(socket.servername);
  });
  let closed = 0;
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      closed += 1;
      server.emit("socket closed");
    });
    // A raw server reads nothing; without reading, the other side's end is not seen.
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    /** What the TLS handshakes asked for (SNI). */
    serverNames,
    /** Connections so far. */
    get connections() {
      return sockets.length;
    },
    /** How many of them are over. */
    get closed() {
      return closed;
    },
    /** Resolves when so many connections are over. */
    async untilClosed(count: number) {
      while (closed < count) await once(server, "socket closed");
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
