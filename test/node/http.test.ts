import { once } from "node:events";
import { createServer as createHttp1, request as request1, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2, constants, createServer as createHttp2 } from "node:http2";
import { connect, createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";

// What docs/node.md says of Node's own servers, without anything of Signet: these fail when a release of Node does otherwise.

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that hands its sockets on, as the listener does. */
const handingOn = (accept: (socket: Socket) => void) => listen(createTcp(accept));

function clientOf(port: number) {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on("error", () => undefined);
  onTestFinished(() => void client.destroy());
  return client;
}

describe("a server that is only given sockets", () => {
  test("keeps its time-outs once it was told that it listens", async () => {
    const options = { headersTimeout: 20, requestTimeout: 40, connectionsCheckingInterval: 5 };
    const server = createHttp1(options, () => undefined);
    server.emit("listening");
    onTestFinished(() => void server.close(() => undefined));
    const port = await handingOn((socket) => server.emit("connection", socket));
    const client = connect(port, "127.0.0.1");
    client.write("GET / HTTP/1.1\r\n");
    expect(await text(client)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("tells the session of an HTTP/2 socket before emit returns", async () => {
    const server = createHttp2();
    const order: string[] = [];
    server.on("session", () => order.push("session"));
    const port = await handingOn((socket) => {
      server.emit("connection", socket);
      order.push("returned");
    });
    await once(clientOf(port), "connect");
    expect(order).toEqual(["session", "returned"]);
  });
});

describe("the body of a request that waits for 100 Continue is first read through _read", () => {
  const continueOnRead = (body: Readable, sendContinue: () => void) => {
    const read = body._read.bind(body);
    body._read = (size) => {
      body._read = read;
      sendContinue();
      read(size);
    };
  };

  test("in HTTP/1.1", async () => {
    const server = createHttp1();
    server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
      continueOnRead(req, () => res.writeContinue());
      void text(req).then((body) => res.end(body));
    });
    const headers = { expect: "100-continue" };
    const req = request1({ port: await listen(server), host: "127.0.0.1", method: "POST", headers });
    req.on("continue", () => req.end("body")).flushHeaders();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    expect(await text(res)).toBe("body");
  });

  test("in HTTP/2", async () => {
    const server = createHttp2(() => undefined);
    server.on("checkContinue", (req, res) => {
      continueOnRead(req, () => res.writeContinue());
      void text(req).then((body) => res.end(body));
    });
    const stream = clientOf(await listen(server)).request({ ":method": "POST", expect: "100-continue" });
    stream.on("continue", () => stream.end("body"));
    expect(await text(stream)).toBe("body");
  });
});

describe("HTTP/2", () => {
  test("serves requests by listeners of stream that can be taken off and called later", async () => {
    const server = createHttp2((_req, res) => res.end("served"));
    const listeners = server.listeners("stream") as ((...args: unknown[]) => void)[];
    expect(listeners).toHaveLength(1);
    server.removeAllListeners("stream");
    server.on("stream", (...args) => setImmediate(() => listeners.forEach((listener) => listener.apply(server, args))));
    expect(await text(clientOf(await listen(server)).request({ ":path": "/" }))).toBe("served");
  });

  test("names the code of a GOAWAY in the message of the client's error, and nowhere else", async () => {
    const server = createHttp2();
    server.on("session", (session) => session.goaway(constants.NGHTTP2_INADEQUATE_SECURITY));
    const stream = clientOf(await listen(server)).request({ ":path": "/" });
    const [error] = (await once(stream, "error")) as [Error & { readonly code: string }];
    expect(error.message).toMatch(/\berror code 12\b/);
    expect(error.code).toBe("ERR_HTTP2_SESSION_ERROR");
  });
});
