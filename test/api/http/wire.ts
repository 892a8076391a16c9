import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";
import { once, type EventEmitter } from "node:events";

/** Unlike `once`, does not reject when the end is an error. */
export async function closed(emitter: EventEmitter): Promise<void> {
  await new Promise<void>((resolve) => emitter.once("close", () => resolve()));
}

/** A raw connection that remembers what it was told. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  private received = "";

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("data", (chunk: Buffer) => (this.received += chunk.toString("latin1")));
    this.socket.on("error", () => undefined);
  }

  get text(): string {
    return this.received;
  }

  /** Resolves when the bytes are on their way. */
  async send(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) await once(this.socket, "data");
  }

  async closed(): Promise<string> {
    if (!this.socket.closed) await closed(this.socket);
    return this.received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** RST_STREAM's code; 0 when the stream ended well. */
  readonly rstCode: number;
  /** The header frame ended the stream. */
  readonly headersOnly: boolean;
}

/** An HTTP/2 connection. Errors are left to its streams. */
export function openHttp2(url: string): ClientHttp2Session & Disposable {
  const session = connectHttp2(url);
  session.on("error", () => undefined);
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

/** Sends one request. `body` undefined leaves the request open: its end is never sent. */
export async function http2Call(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string>,
  body?: Uint8Array | string,
): Promise<Http2Answer> {
  const stream = session.request({ ":method": "POST", ":path": path, ...headers }, { endStream: false });
  let responseHeaders: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let headersOnly = false;
  const chunks: Buffer[] = [];
  stream.on("response", (received, flags) => {
    responseHeaders = received;
    headersOnly = (flags & 1) === 1;
  });
  stream.on("trailers", (received: IncomingHttpHeaders) => (trailers = received));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => undefined);
  if (body !== undefined) stream.end(body);
  await closed(stream);
  return { headers: responseHeaders, trailers, body: Buffer.concat(chunks), rstCode: stream.rstCode ?? 0, headersOnly };
}

/** One frame of gRPC, gRPC-Web and Connect streams. */
export function frame(flags: number, data: Uint8Array | string): Buffer {
  const bytes = Buffer.from(data as string);
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}
