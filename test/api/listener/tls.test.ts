import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, type ListenerLimits } from "../../../src/api/listener/limits.js";
import { createTlsTermination, type TlsTerminationOptions } from "../../../src/api/listener/tls-termination.js";
import { selfSigned, type SelfSigned } from "../../outbound/self-signed.js";
import { grpcClient } from "../rpc/grpc-js.js";
import { KEYS, openRig } from "../http/rig.js";
import { closed, http2Call, RawConnection } from "../http/wire.js";

const GET_HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const server = selfSigned("127.0.0.1");

interface SecureRigOptions {
  readonly clientCa: string | null;
  readonly clientCertificates: TlsTerminationOptions["clientCertificates"];
  readonly handshakeTimeoutMs: number;
  readonly limits: Partial<ListenerLimits>;
}

async function openSecureRig(options: Partial<SecureRigOptions> = {}) {
  const refused: string[] = [];
  const tls = createTlsTermination({
    material: { ...server, clientCa: options.clientCa ?? null },
    clientCertificates: options.clientCertificates ?? "required",
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
    onRefused: (address, reason) => refused.push(`${address} ${reason}`),
  });
  const rig = await openRig({ tls, limits: { ...DEFAULT_LIMITS, ...options.limits } });
  return { ...rig, url: `https://127.0.0.1:${rig.port}`, tls, refused };
}

/** A TLS connection that remembers what it was told. */
class SecureConnection implements Disposable {
  readonly socket: TLSSocket;
  text = "";
  error: Error | undefined;
  private readonly ended: Promise<void>;

  constructor(port: number, options: ConnectionOptions = {}) {
    this.socket = connect({ port, host: "127.0.0.1", ca: server.cert, ...options });
    this.socket.on("data", (chunk: Buffer) => (this.text += chunk.toString("latin1")));
    this.socket.on("error", (error: Error) => (this.error = error));
    this.ended = closed(this.socket);
  }

  async ready(): Promise<this> {
    await Promise.race([once(this.socket, "secureConnect").then(() => undefined), this.ended]);
    return this;
  }

  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) await once(this.socket, "data");
  }

  async closed(): Promise<string> {
    await this.ended;
    return this.text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

function openSecureHttp2(url: string, options: ConnectionOptions = {}): ClientHttp2Session & Disposable {
  const session = connectHttp2(url, { ca: server.cert, ...options });
  session.on("error", () => undefined);
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

const health = (session: ClientHttp2Session) => http2Call(session, "/healthz", { ":method": "GET" }, "");

describe("one port", () => {
  test.each([
    [["h2", "http/1.1"], "h2"],
    [["http/1.1", "h2"], "h2"],
    [["http/1.1"], "http/1.1"],
    [["h2"], "h2"],
  ])("a client that offers %j gets %s", async (ALPNProtocols, chosen) => {
    await using rig = await openSecureRig();
    using connection = await new SecureConnection(rig.port, { ALPNProtocols }).ready();
    expect(connection.socket.alpnProtocol).toBe(chosen);
  });

  test("HTTP/2 and HTTP/1.1 are both served, and a client without ALPN speaks HTTP/1.1", async () => {
    await using rig = await openSecureRig();
    using session = openSecureHttp2(rig.url);
    expect((await health(session)).body.toString()).toContain("1.2.3");
    for (const options of [{ ALPNProtocols: ["http/1.1"] }, {}]) {
      using connection = new SecureConnection(rig.port, options);
      connection.socket.write(GET_HEALTH);
      await connection.until("1.2.3");
      expect(connection.text).toMatch(/^HTTP\/1\.1 200 OK/);
    }
  });

  test("gRPC streams and calls by @grpc/grpc-js that trusts the certificate; one that does not gets nothing", async () => {
    await using rig = await openSecureRig();
    using client = grpcClient(rig.port, {}, credentials.createSsl(Buffer.from(server.cert)));
    const answer = await client.call("signet.v1.BundleService", "ListKeys", KEYS.ci, {});
    expect(answer).toEqual({ keys: [] });
    using stranger = grpcClient(rig.port, {}, credentials.createSsl());
    const call = stranger.call("signet.v1.BundleService", "ListKeys", KEYS.ci, {});
    await expect(call).rejects.toMatchObject({ code: 14 });
  });

  test("a client that closes its half after the request still gets the answer", async () => {
    await using rig = await openSecureRig();
    using connection = new SecureConnection(rig.port, { allowHalfOpen: true } as ConnectionOptions);
    connection.socket.end(GET_HEALTH);
    expect(await connection.closed()).toContain("1.2.3");
  });

  test("an offer of unknown protocols alone fails", async () => {
    await using rig = await openSecureRig();
    using connection = new SecureConnection(rig.port, { ALPNProtocols: ["spdy/1"] });
    await connection.closed();
    expect(connection.error?.message).toMatch(/alert/);
  });
});

describe("who does not speak TLS", () => {
  test.each(["GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "EHLO there\r\n"])(
    "%j is told so in HTTP/1.1",
    async (bytes) => {
      await using rig = await openSecureRig();
      using raw = new RawConnection(rig.port);
      await raw.send(bytes);
      expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*this port speaks TLS: use https\n$/);
      expect(rig.logLines).toEqual([]);
    },
  );

  test("HTTP/2 without TLS is told so by GOAWAY", async () => {
    await using rig = await openSecureRig();
    const session = connectHttp2(`http://127.0.0.1:${rig.port}`);
    session.on("error", () => undefined);
    const [code, , data] = (await once(session, "goaway")) as [number, number, Uint8Array];
    expect([code, Buffer.from(data).toString()]).toEqual([12, "this port speaks TLS: use https"]);
    session.destroy();
  });

  test("TLS on a port without it is refused as any garbage", async () => {
    await using rig = await openRig();
    using connection = new SecureConnection(rig.port);
    await connection.closed();
    expect(connection.error).toBeDefined();
  });
});

describe("versions of TLS", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
    await using rig = await openSecureRig();
    using connection = await new SecureConnection(rig.port, { minVersion: version, maxVersion: version }).ready();
    expect(connection.socket.getProtocol()).toBe(version);
    expect(connection.socket.getCipher().name).toMatch(/GCM|CHACHA20/);
  });

  test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
    await using rig = await openSecureRig();
    const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" } as const;
    using connection = new SecureConnection(rig.port, old);
    await connection.closed();
    expect(connection.error?.message).toMatch(/protocol version/);
    expect(rig.refused).toEqual([expect.stringContaining("unsupported protocol")]);
  });

  test("ciphers without forward secrecy are refused", async () => {
    await using rig = await openSecureRig();
    using connection = new SecureConnection(rig.port, {
      maxVersion: "TLSv1.2",
      ciphers: "AES128-SHA:ECDHE-ECDSA-AES128-SHA",
    });
    await connection.closed();
    expect(connection.error?.message).toMatch(/handshake failure/);
  });
});

describe("slow clients", () => {
  test("a handshake that does not end is cut off, also when bytes keep coming", async () => {
    await using rig = await openSecureRig({ handshakeTimeoutMs: 100 });
    using raw = new RawConnection(rig.port);
    const drip = setInterval(() => raw.socket.write("\x16"), 20);
    // A record that announces more than ever comes.
    await raw.send(Buffer.from("160301ffff", "hex"));
    await raw.closed();
    clearInterval(drip);
    expect(rig.refused.length).toBe(1);
  });

  test("a handshake that begins and says nothing more is cut off, and others get in", async () => {
    await using rig = await openSecureRig({ handshakeTimeoutMs: 50 });
    using raw = new RawConnection(rig.port);
    await raw.send(Buffer.from("1603010200", "hex"));
    expect(await raw.closed()).toBe("");
    expect(rig.refused).toEqual(["127.0.0.1 the TLS handshake took too long"]);
    using session = openSecureHttp2(rig.url);
    expect((await health(session)).headers[":status"]).toBe(200);
  });

  test("a connection that shook hands in time is not cut off by that limit", async () => {
    await using rig = await openSecureRig({ handshakeTimeoutMs: 150 });
    using first = openSecureHttp2(rig.url);
    await health(first);
    // Another handshake that is cut off later than the first one would have been.
    using raw = new RawConnection(rig.port);
    await raw.send(Buffer.from("1603010200", "hex"));
    await raw.closed();
    expect((await health(first)).headers[":status"]).toBe(200);
  });

  test("a head that does not end is closed with 408, and one that never begins as well", async () => {
    await using rig = await openSecureRig({ limits: { headersTimeoutMs: 50, checkIntervalMs: 20 } });
    using slow = new SecureConnection(rig.port);
    slow.socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n");
    expect(await slow.closed()).toMatch(/^HTTP\/1\.1 408 /);
    using silent = new SecureConnection(rig.port);
    expect(await silent.closed()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("a body that does not end is cut off, in both HTTP versions", async () => {
    const limits = { headersTimeoutMs: 50, requestTimeoutMs: 60, checkIntervalMs: 20 };
    await using rig = await openSecureRig({ limits });
    const path = "/signet.v1.BundleService/PublishBundle";
    using slow = new SecureConnection(rig.port);
    const head = [`POST ${path} HTTP/1.1`, "Host: x", `X-API-Key: ${KEYS.ci}`, "Content-Type: application/json"];
    slow.socket.write([...head, "Content-Length: 9", "", "{"].join("\r\n"));
    await slow.closed();
    using session = openSecureHttp2(rig.url);
    const answer = await http2Call(session, path, { "x-api-key": KEYS.ci, "content-type": "application/grpc" });
    expect(answer.rstCode).toBe(8);
    expect(rig.published).toEqual([]);
  });

  test("rapid reset ends the connection", async () => {
    const http2 = { ...DEFAULT_LIMITS.http2, maxResets: 50 };
    await using rig = await openSecureRig({ limits: { http2 } });
    using attacker = openSecureHttp2(rig.url);
    const ended = closed(attacker);
    for (let i = 0; i < 200; i++) {
      const stream = attacker.request({ ":method": "POST", ":path": "/v1/x" }, { endStream: false });
      stream.on("error", () => undefined);
      setImmediate(() => stream.close(8));
    }
    await ended;
  });
});

describe("broken handshakes", () => {
  test("garbage after the first byte is refused with an alert", async () => {
    await using rig = await openSecureRig();
    using raw = new RawConnection(rig.port);
    await raw.send(Buffer.from("1603010005aaaaaaaaaa", "hex"));
    expect((await raw.closed()).charCodeAt(0)).toBe(0x15);
    expect(rig.refused.length).toBe(1);
  });

  test("clients that go away in the middle of it harm nobody", async () => {
    await using rig = await openSecureRig();
    const gone = Array.from({ length: 20 }, async (_, i) => {
      const socket = connectTcp(rig.port, "127.0.0.1");
      socket.on("error", () => undefined);
      const ended = closed(socket);
      socket.write(Buffer.from("1603010200", "hex"), () => (i % 2 === 0 ? socket.resetAndDestroy() : socket.end()));
      await ended;
    });
    await Promise.all(gone);
    using session = openSecureHttp2(rig.url);
    expect((await health(session)).headers[":status"]).toBe(200);
  });

  test("a shutdown does not wait for a handshake", async () => {
    const rig = await openSecureRig();
    using raw = new RawConnection(rig.port);
    await raw.send(Buffer.from("1603010200", "hex"));
    // Answered after the first was accepted.
    using session = openSecureHttp2(rig.url);
    await health(session);
    await rig.server.close(60_000);
    expect(await raw.closed()).toBe("");
  });
});

describe("client certificates", () => {
  const client = selfSigned("client.example");
  const stranger = selfSigned("stranger.example");
  const modes = ["optional", "required"] as const;

  /** What a request over each HTTP version meets. */
  async function meet(clientCertificates: (typeof modes)[number], identity: Partial<SelfSigned>) {
    await using rig = await openSecureRig({ clientCa: client.cert, clientCertificates });
    using http1 = new SecureConnection(rig.port, identity);
    http1.socket.write("GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const text = await http1.closed();
    const session = openSecureHttp2(rig.url, identity);
    const goaway = once(session, "goaway").then(([, , data]) => Buffer.from(data as Uint8Array).toString());
    const answer = http2Call(session, "/healthz", { ":method": "GET" }, "").then(({ headers }) => headers[":status"]);
    const http2 = await Promise.race([goaway, answer]);
    session.destroy();
    return { text, http2, refused: rig.refused };
  }

  test.each(modes)("%s: a trusted one gets in, but authenticates nobody", async (mode) => {
    const { text, http2, refused } = await meet(mode, client);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request[^]*unauthenticated/);
    expect(http2).toBe(200);
    expect(refused).toEqual([]);
  });

  test("optional: none is needed", async () => {
    const { text, http2 } = await meet("optional", {});
    expect(text).toContain("unauthenticated");
    expect(http2).toBe(200);
  });

  test("required: without one a client is told what is missing", async () => {
    const { text, http2, refused } = await meet("required", {});
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*this server needs a client certificate\n$/);
    expect(http2).toBe("this server needs a client certificate");
    expect(refused).toHaveLength(2);
  });

  test.each(modes)("%s: one that is not trusted is refused", async (mode) => {
    const { text, http2, refused } = await meet(mode, stranger);
    expect(text).toContain("the client certificate is refused: DEPTH_ZERO_SELF_SIGNED_CERT");
    expect(http2).toContain("the client certificate is refused");
    expect(refused).toHaveLength(2);
  });

  test("one that expired is refused", async () => {
    const expired = selfSigned("client.example", ["200101000000Z", "200102000000Z"]);
    await using rig = await openSecureRig({ clientCa: expired.cert });
    using connection = new SecureConnection(rig.port, expired);
    expect(await connection.closed()).toContain("the client certificate is refused: CERT_HAS_EXPIRED");
  });
});

describe("another certificate", () => {
  test("is for new connections; a stream on an old one goes on", async () => {
    await using rig = await openSecureRig();
    using old = openSecureHttp2(rig.url);
    const headers = { "x-api-key": KEYS.runtime, "content-type": "application/grpc", te: "trailers" };
    const watch = old.request({ ":method": "POST", ":path": "/signet.v1.RuntimeService/WatchBundle", ...headers });
    watch.end(Buffer.alloc(5));
    await once(watch, "data");

    const next = selfSigned("127.0.0.1");
    rig.tls.use({ ...next, clientCa: null });
    using fresh = openSecureHttp2(rig.url, { ca: next.cert });
    expect((await health(fresh)).headers[":status"]).toBe(200);
    using outdated = new SecureConnection(rig.port);
    await outdated.closed();
    expect(outdated.error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect((await health(old)).headers[":status"]).toBe(200);
    expect(watch.closed).toBe(false);
    watch.close();
  });

  test("that OpenSSL refuses changes nothing", async () => {
    await using rig = await openSecureRig();
    const mismatched = { cert: selfSigned("127.0.0.1").cert, key: server.key, clientCa: null };
    expect(() => rig.tls.use(mismatched)).toThrow(/key values mismatch/);
    using session = openSecureHttp2(rig.url);
    expect((await health(session)).headers[":status"]).toBe(200);
  });
});
