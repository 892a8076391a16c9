import { connect, Socket, type TcpNetConnectOpts } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Resolver } from "../../src/outbound/check-target.js";
import { recordingSender } from "./recording-sender.js";
import { scriptedResolver } from "./scripted-resolver.js";
import { selfSigned } from "./self-signed.js";
import { startRawTarget, startSecureTarget, startTarget, type Answer } from "./target-server.js";

const PUBLIC = "93.184.216.34";
const TIMEOUT = { kind: "failed", addressRefused: false, error: expect.stringMatching(/^timeout: /) };

/** A sender whose sockets say that they lead to a public address that http is allowed for. */
function publicSender(options: Parameters<typeof recordingSender>[0] = {}) {
  return recordingSender({ allow: PUBLIC, remoteAddress: PUBLIC, ...options });
}

/** Writes the text over and over, a bit at a time, until the socket is closed. */
function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 1);
  socket.on("close", () => clearInterval(timer));
}

describe("a request", () => {
  it("has the given headers and body, and nothing that names more", async () => {
    await using target = await startTarget();
    using sender = recordingSender({ allow: "127.0.0.1" });
    const body = '{"name":"grün 🌱"}';
    await sender.send(`http://127.0.0.1:${target.port}/a/b?c=d`, {
      body,
      headers: { "webhook-id": "evt_1", "content-type": "application/json; charset=utf-8" },
    });
    expect(target.requests).toEqual([
      {
        method: "POST",
        url: "/a/b?c=d",
        body,
        headers: {
          host: `127.0.0.1:${target.port}`,
          connection: "keep-alive",
          "content-length": String(Buffer.byteLength(body)),
          "content-type": "application/json; charset=utf-8",
          "user-agent": "Signet-Webhook/test",
          "webhook-id": "evt_1",
        },
      },
    ]);
  });

  it("with a header that cannot be sent fails, and is not sent", async () => {
    await using target = await startTarget();
    using sender = recordingSender({ allow: "127.0.0.1" });
    const result = await sender.send(`http://127.0.0.1:${target.port}/`, { headers: { "webhook-id": "a\r\nb: c" } });
    expect(result).toMatchObject({ kind: "failed", error: "ERR_INVALID_CHAR: the request failed" });
    expect(target.connections).toBe(0);
  });
});

describe("an answer", () => {
  it.each([200, 204, 299, 400, 404, 410, 429, 500, 503])("of %d is told as it is", async (status) => {
    await using target = await startTarget((response) => response.writeHead(status).end());
    using sender = publicSender();
    const result = await sender.send(`http://${PUBLIC}:${target.port}/`);
    expect(result).toMatchObject({ kind: "answered", status, body: "", retryAfterSeconds: null });
    expect(result.latencyMs).toBeGreaterThan(0);
    expect(target.requests).toHaveLength(1);
  });

  it.each([
    ["120", 120],
    ["Sun, 01 Mar 2026 12:01:00 GMT", 60],
    ["soon", null],
  ])("with Retry-After %s", async (value, expected) => {
    await using target = await startTarget((response) => response.writeHead(503, { "retry-after": value }).end());
    using sender = publicSender({ clock: { now: () => new Date("2026-03-01T12:00:00Z"), monotonicMs: () => 0 } });
    expect(await sender.send(`http://${PUBLIC}:${target.port}/`)).toMatchObject({ retryAfterSeconds: expected });
  });

  it("from a public address is kept, from any other it is not", async () => {
    await using target = await startTarget((response) => response.end("internal"));
    using shown = publicSender();
    using hidden = recordingSender({ allow: "127.0.0.1" });
    expect(await shown.send(`http://${PUBLIC}:${target.port}/`)).toMatchObject({ body: "internal" });
    // Twice: also on a connection that was kept.
    for (const _ of [1, 2]) {
      const result = await hidden.send(`http://127.0.0.1:${target.port}/`);
      expect(result).toMatchObject({ status: 200, body: null });
      expect(JSON.stringify(result)).not.toContain("internal");
    }
    expect(target.connections).toBe(2);
  });

  it("is kept up to the limit, and read no further", async () => {
    const endless: Answer = (response) => {
      const write = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        response.once("drain", write);
      };
      write();
    };
    await using target = await startTarget(endless);
    using sender = publicSender({ maxKeptBytes: 4096 });
    const result = await sender.send(`http://${PUBLIC}:${target.port}/`);
    expect(result).toMatchObject({ kind: "answered", status: 200, body: "x".repeat(4096) });
    await target.untilClosed(1);
  });

  it("that is compressed stays so", async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    await using target = await startTarget((response) => response.setHeader("content-encoding", "gzip").end(bomb));
    using sender = publicSender();
    const result = await sender.send(`http://${PUBLIC}:${target.port}/`);
    expect((result as { body: string }).body.slice(0, 1)).toBe("\u001f");
    expect((result as { body: string }).body.length).toBeLessThanOrEqual(4096);
    expect(target.requests[0]?.headers).not.toHaveProperty("accept-encoding");
  });

  it("that breaks off after its status is an answer", async () => {
    await using target = await startRawTarget((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart");
    });
    using sender = publicSender();
    expect(await sender.send(`http://${PUBLIC}:${target.port}/`)).toMatchObject({ status: 200, body: "part" });
  });

  it("whose body never ends is cut off when the time is over", async () => {
    await using target = await startRawTarget((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      drip(socket, "1\r\nx\r\n");
    });
    using sender = publicSender({ timeoutMs: 1_500, maxKeptBytes: 1_000_000 });
    expect(await sender.send(`http://${PUBLIC}:${target.port}/`)).toMatchObject({
      kind: "answered",
      body: expect.stringMatching(/^x+$/),
    });
    await target.untilClosed(1);
  });
});

describe("no answer", () => {
  it.each([
    ["HTTP/1.1 200 OK\r\nx: ", "HPE_HEADER_OVERFLOW"],
    [`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(10_000)}`, "HPE_HEADER_OVERFLOW"],
    ["SSH-2.0-OpenSSH_9.9\r\n", "HPE_INVALID_CONSTANT"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "HPE_INVALID"],
    ["HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "ECONNRESET"],
  ])("is what %j is", async (start, code) => {
    await using target = await startRawTarget((socket) => void socket.write(start + "x".repeat(100_000)));
    using sender = publicSender();
    const result = await sender.send(`http://${PUBLIC}:${target.port}/secret-path`);
    expect(result).toMatchObject({ kind: "failed", addressRefused: false });
    expect(result).toHaveProperty("error", expect.stringContaining(code));
    expect(JSON.stringify(result)).not.toContain("secret-path");
    await target.untilClosed(1);
  });

  it.each([
    ["a server that says nothing", () => {}],
    ["headers that never end", (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\nx: y\r\n".slice(0, 17))],
    ["informational answers without end", (socket: Socket) => drip(socket, "HTTP/1.1 103 Early Hints\r\n\r\n")],
  ])("within the time: %s", async (_, onConnection) => {
    await using target = await startRawTarget(onConnection);
    using sender = publicSender({ timeoutMs: 500 });
    const result = await sender.send(`http://${PUBLIC}:${target.port}/`);
    // A header that is dripped for long enough is too large before the time is over.
    if (result.kind !== "failed") throw new Error("it answered");
    expect(result.error).toMatch(/^(timeout|HPE_\w+): /);
    await target.untilClosed(1);
  });

  it("within the time: a TLS handshake that never ends", async () => {
    await using target = await startRawTarget();
    using sender = publicSender({ timeoutMs: 500 });
    expect(await sender.send(`https://${PUBLIC}:${target.port}/`)).toMatchObject(TIMEOUT);
    await target.untilClosed(1);
  });

  it("within the time: a name that is never found, and nothing is connected to", async () => {
    const resolver: Resolver = { resolve: () => new Promise(() => {}) };
    using sender = recordingSender({ resolver, timeoutMs: 50 });
    expect(await sender.send("https://hooks.example.com/")).toMatchObject(TIMEOUT);
    expect(sender.opened).toEqual([]);
  });

  it("within the time: a connection that is never made", async () => {
    const sockets: Socket[] = [];
    const open = () => sockets[sockets.push(new Socket()) - 1] as Socket;
    using sender = publicSender({ timeoutMs: 50, open });
    expect(await sender.send(`https://${PUBLIC}/`)).toMatchObject(TIMEOUT);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  it("where nobody listens", async () => {
    const { port } = await (async () => {
      await using gone = await startRawTarget();
      return { port: gone.port };
    })();
    using sender = publicSender();
    expect(await sender.send(`http://${PUBLIC}:${port}/`)).toMatchObject({
      kind: "failed",
      error: "ECONNREFUSED: the connection was refused",
      addressRefused: false,
    });
  });

  it("when name servers fail", async () => {
    const failure = Object.assign(new Error("getaddrinfo EAI_AGAIN secret"), { code: "EAI_AGAIN" });
    const { resolver } = scriptedResolver({ "hooks.example.com": [failure] });
    using sender = recordingSender({ resolver });
    const result = await sender.send("https://hooks.example.com/");
    expect(result).toMatchObject({ kind: "failed", error: "EAI_AGAIN: the name servers do not answer" });
  });
});

describe("a kept connection", () => {
  it("that the target closes under a request is replaced by a new one", async () => {
    await using target = await startTarget(
      (response) => response.end("first"),
      (response) => response.destroy(),
      (response) => response.end("third"),
    );
    using sender = publicSender();
    const url = `http://${PUBLIC}:${target.port}/`;
    expect(await sender.send(url)).toMatchObject({ body: "first" });
    expect(await sender.send(url)).toMatchObject({ body: "third" });
    expect([target.connections, target.requests.length]).toEqual([2, 3]);
  });

  it("is no reason to try a new connection twice", async () => {
    await using target = await startTarget((response) => response.destroy());
    using sender = publicSender();
    expect(await sender.send(`http://${PUBLIC}:${target.port}/`)).toMatchObject({
      kind: "failed",
      error: expect.stringMatching(/^ECONNRESET: /),
    });
    expect(target.requests).toHaveLength(1);
  });

  it("is closed with the sender", async () => {
    await using target = await startTarget();
    const sockets: Socket[] = [];
    {
      using sender = publicSender({
        open: (options) => {
          const socket = connect(options);
          sockets.push(socket);
          return socket;
        },
      });
      await sender.send(`http://${PUBLIC}:${target.port}/`);
      expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    }
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});

describe("https", () => {
  const tls = selfSigned("hooks.example.com");
  const names = { "hooks.example.com": [[PUBLIC]], "other.example.com": [[PUBLIC]] };

  it("is sent to public addresses with a certificate for the name", async () => {
    await using target = await startSecureTarget(tls, (response) => response.end("kept"));
    const { resolver } = scriptedResolver(names);
    using sender = recordingSender({ resolver, remoteAddress: PUBLIC, trustedCertificates: tls.cert });
    for (const _ of [1, 2]) {
      expect(await sender.send(`https://hooks.example.com:${target.port}/`)).toMatchObject({ body: "kept" });
    }
    expect(target.connections).toBe(1);
    expect(target.serverNames).toEqual(["hooks.example.com"]);
    expect(target.requests[0]?.headers.host).toBe(`hooks.example.com:${target.port}`);
  });

  it("by address names no server, and wants a certificate for the address", async () => {
    const forAddress = selfSigned(PUBLIC);
    await using target = await startSecureTarget(forAddress);
    using sender = recordingSender({ remoteAddress: PUBLIC, trustedCertificates: forAddress.cert });
    expect(await sender.send(`https://${PUBLIC}:${target.port}/`)).toMatchObject({ status: 200 });
    expect(target.serverNames).toEqual([false]);
  });

  it.each([
    ["a certificate that nobody trusts", "hooks.example.com", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["a certificate for another name", "other.example.com", tls.cert, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["a certificate for a name, by address", PUBLIC, tls.cert, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("refuses %s, and sends nothing", async (_, host, trusted, code) => {
    await using target = await startSecureTarget(tls);
    const { resolver } = scriptedResolver(names);
    using sender = recordingSender({
      resolver,
      remoteAddress: PUBLIC,
      ...(trusted === undefined ? {} : { trustedCertificates: trusted }),
    });
    const result = await sender.send(`https://${host}:${target.port}/`);
    expect(result).toMatchObject({ kind: "failed", addressRefused: false });
    expect(result).toHaveProperty("error", expect.stringContaining(`${code}: `));
    expect(target.requests).toEqual([]);
    await target.untilClosed(1);
  });

  it("to a server without TLS fails", async () => {
    await using target = await startTarget();
    using sender = publicSender();
    expect(await sender.send(`https://${PUBLIC}:${target.port}/`)).toMatchObject({ kind: "failed" });
    expect(target.requests).toEqual([]);
  });
});

describe("an abort ends a send at once", () => {
  const reason = new Error("the server stops");

  it("before it starts: nothing is looked up", async () => {
    const { resolver, asked } = scriptedResolver({ "hooks.example.com": [[PUBLIC]] });
    using sender = recordingSender({ resolver });
    await expect(sender.send("https://hooks.example.com/", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect([asked, sender.opened]).toEqual([[], []]);
  });

  it("while the name is looked up: nothing is connected to", async () => {
    const abort = new AbortController();
    const resolver: Resolver = {
      resolve: () => {
        queueMicrotask(() => abort.abort(reason));
        return new Promise(() => {});
      },
    };
    using sender = recordingSender({ resolver });
    await expect(sender.send("https://hooks.example.com/", { signal: abort.signal })).rejects.toBe(reason);
    expect(sender.opened).toEqual([]);
  });

  it("while it connects", async () => {
    const abort = new AbortController();
    const socket = new Socket();
    const open = () => {
      queueMicrotask(() => abort.abort(reason));
      return socket;
    };
    using sender = publicSender({ open });
    await expect(sender.send(`http://${PUBLIC}/`, { signal: abort.signal })).rejects.toBe(reason);
    expect(socket.destroyed).toBe(true);
  });

  it("while it waits for the answer", async () => {
    const abort = new AbortController();
    await using target = await startTarget(() => abort.abort(reason));
    using sender = publicSender();
    await expect(sender.send(`http://${PUBLIC}:${target.port}/`, { signal: abort.signal })).rejects.toBe(reason);
    await target.untilClosed(1);
    expect(target.requests).toHaveLength(1);
  });

  it("while it reads the body", async () => {
    const abort = new AbortController();
    await using target = await startTarget((response) => response.write("part"));
    const open = (options: TcpNetConnectOpts) => {
      const socket = connect(options);
      // The first thing that comes from the target is the start of its answer, of which the end never comes.
      const onceAnswered = () => (socket.bytesRead > 0 ? abort.abort(reason) : void setImmediate(onceAnswered));
      return socket.once("connect", onceAnswered);
    };
    using sender = publicSender({ open });
    const sent = sender.send(`http://${PUBLIC}:${target.port}/`, { signal: abort.signal });
    await expect(sent).rejects.toBe(reason);
    await target.untilClosed(1);
  });

  it("and leaves no listener on the signal behind", async () => {
    await using target = await startTarget();
    using sender = publicSender();
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
    await sender.send(`http://${PUBLIC}:${target.port}/`, { signal });
    expect(listeners).toBe(0);
  });
});
