import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { createTlsTermination, type TlsTermination } from "../../../src/api/listener/tls-termination.js";
import { selfSigned } from "../../outbound/self-signed.js";
import { KEYS, openRig } from "../http/rig.js";

const LARGE = 1024 * 1024;
const certificate = selfSigned("127.0.0.1");

/** TLS whose server side is handed to the test. */
function observedTls() {
  const tls = createTlsTermination({
    material: { ...certificate, clientCa: null },
    clientCertificates: "required",
    handshakeTimeoutMs: 10_000,
    onRefused: () => undefined,
  });
  const accepted: TLSSocket[] = [];
  const accept: TlsTermination["accept"] = (socket, decrypted, tooSlow) => {
    const observed: typeof decrypted = (readable, version) => {
      accepted.push(readable);
      decrypted(readable, version);
    };
    tls.accept(socket, observed, tooSlow);
  };
  return { tls: { ...tls, accept }, accepted };
}

/** A TLS client whose records can be held back, so that several arrive in one piece. */
function connectHoldable(port: number) {
  const raw = connectTcp(port, "127.0.0.1");
  let held: Buffer[] | null = null;
  const wire = new Duplex({
    read: () => undefined,
    write: (record: Buffer, _encoding, done) => {
      if (held === null) raw.write(record);
      else held.push(record);
      done();
    },
  });
  raw.on("data", (data: Buffer) => wire.push(data));
  raw.on("end", () => wire.push(null));
  raw.on("error", (error) => wire.destroy(error));
  const socket = connect({ socket: wire, host: "127.0.0.1", ca: certificate.cert });
  const inOnePiece = async (texts: readonly string[]) => {
    const records: Buffer[] = (held = []);
    for (const text of texts) await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    held = null;
    expect(records).toHaveLength(texts.length);
    raw.write(Buffer.concat(records));
  };
  return { socket, inOnePiece };
}

/** What a reader that is slow does to a writer. */
function holdWrites(socket: TLSSocket | undefined): () => void {
  if (socket === undefined) throw new Error("nobody was accepted");
  const writes = { one: socket._write.bind(socket), many: socket._writev?.bind(socket) };
  const held: (() => void)[] = [];
  socket._write = (...parts) => void held.push(() => writes.one(...parts));
  socket._writev = (...parts) => void held.push(() => writes.many?.(...parts));
  return () => {
    socket._write = writes.one;
    if (writes.many !== undefined) socket._writev = writes.many;
    for (const write of held) write();
  };
}

test("a request in more than one TLS record, while the answer before still waits for its reader, is answered", async () => {
  const { tls, accepted } = observedTls();
  const page = { path: "/large", contentType: "text/plain", read: () => Buffer.alloc(LARGE, "x") };
  await using rig = await openRig({ tls, pages: [page] });
  const { socket, inOnePiece } = connectHoldable(rig.port);
  await once(socket, "secureConnect");
  await expect.poll(() => accepted).toHaveLength(1);
  const release = holdWrites(accepted[0]);
  socket.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => accepted[0]?.writableNeedDrain).toBe(true);

  const body = JSON.stringify({ title: "t" });
  const path = "/signet.v1.BundleService/PublishBundle";
  const head = [`POST ${path} HTTP/1.1`, "Host: x", `X-API-Key: ${KEYS.ci}`, "Content-Type: application/json"];
  const before = accepted[0]?.bytesRead ?? 0;
  await inOnePiece([[...head, "Connection: close", `Content-Length: ${body.length}`, "", ""].join("\r\n"), body]);
  // It has come, and waits for its turn.
  await expect.poll(() => accepted[0]?.bytesRead).toBeGreaterThan(before);
  expect(rig.authenticated).toHaveLength(0);
  release();
  let received = "";
  for await (const chunk of socket) received += (chunk as Buffer).toString("latin1");

  expect(received.length).toBeGreaterThan(LARGE);
  expect(received.slice(LARGE)).toMatch(/HTTP\/1\.1 400 Bad Request\r\n/);
});
