/**
 * One connection with one gRPC stream, in frames of our own making (RFC 9113): node:http2 as a client costs several times what the
 * servers that are measured do, and would be the measurement. It opens all windows wide, answers SETTINGS and PING, and counts messages.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import {
  FLAG,
  frame,
  FRAME_HEADER_BYTES,
  literals,
  MAX_WINDOW,
  PREFACE,
  SETTING,
  settings,
  SETTINGS_ACK,
  TYPE,
  uint32,
} from "./http2-frames.js";

const MESSAGE_PREFIX_BYTES = 5;

export interface StreamEvents {
  /** A whole message of the stream, by its length. */
  message(bytes: number): void;
  /** The stream or its connection is at its end, which a watch never should be. */
  ended(why: string): void;
}

/** What a client says on a new connection: preface, settings, and a request of that path. Made once for all connections. */
export function opening(
  path: string,
  headers: Readonly<Record<string, string>>,
  message: Buffer,
  half: boolean,
): Buffer {
  const fields = literals({ ":method": "POST", ":scheme": "http", ":path": path, ...headers });
  const prefix = Buffer.alloc(MESSAGE_PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([
    PREFACE,
    settings(SETTING.initialWindowSize, MAX_WINDOW),
    frame(TYPE.windowUpdate, 0, 0, uint32(MAX_WINDOW - 65_535)),
    frame(TYPE.headers, FLAG.endHeaders, 1, fields),
    frame(TYPE.data, half ? FLAG.endStream : 0, 1, Buffer.concat([prefix, message])),
  ]);
}

export class GrpcStream {
  readonly #socket: Socket;
  /** The beginning of a frame whose rest has not come. */
  #rest: Buffer | null = null;
  /** Of the DATA frame and of the message that are being read. */
  #dataLeft = 0;
  #messageLeft = 0;
  #messageBytes = 0;
  #prefix: Buffer | null = null;
  #isOver = false;

  constructor(
    port: number,
    opened: Buffer,
    private readonly events: StreamEvents,
    /** The certificate to trust, PEM; null without TLS. */
    ca: string | null = null,
  ) {
    const to = { port, host: "127.0.0.1", noDelay: true };
    this.#socket = ca === null ? connect(to) : connectTls({ ...to, ca, ALPNProtocols: ["h2"] });
    this.#socket.on(ca === null ? "connect" : "secureConnect", () => this.#socket.write(opened));
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("the connection was closed"));
  }

  /** By a reset: ten thousand connections in TIME_WAIT would use up the ports of the next ten thousand. */
  destroy(): void {
    this.#isOver = true;
    // A TLS socket has no reset of its own.
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #end(why: string): void {
    if (this.#isOver) return;
    this.destroy();
    this.events.ended(why);
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    while (bytes.length > 0 && !this.#isOver) {
      if (this.#dataLeft > 0) {
        const data = bytes.subarray(0, this.#dataLeft);
        this.#dataLeft -= data.length;
        bytes = bytes.subarray(data.length);
        this.#readData(data);
        continue;
      }
      const length = bytes.length < FRAME_HEADER_BYTES ? Infinity : bytes.readUIntBE(0, 3);
      const isData = bytes[3] === TYPE.data;
      if (bytes.length < FRAME_HEADER_BYTES + (isData ? 0 : length)) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      if (isData) this.#dataLeft = length;
      this.#control(bytes, isData ? 0 : length);
      bytes = bytes.subarray(FRAME_HEADER_BYTES + (isData ? 0 : length));
    }
  }

  #control(bytes: Buffer, length: number): void {
    const [type, flags = 0] = [bytes[3], bytes[4]];
    const isOfStream = type === TYPE.data || type === TYPE.headers;
    if (type === TYPE.settings && (flags & FLAG.ack) === 0) this.#socket.write(SETTINGS_ACK);
    else if (type === TYPE.ping && (flags & FLAG.ack) === 0) {
      this.#socket.write(
        frame(TYPE.ping, FLAG.ack, 0, bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length)),
      );
    } else if (type === TYPE.goAway || type === TYPE.rstStream) this.#end(`a frame of type ${type}`);
    else if (isOfStream && (flags & FLAG.endStream) !== 0) this.#end("the server ended the stream");
    else if (type === TYPE.data && (flags & FLAG.padded) !== 0) this.#end("a padded frame");
  }

  #readData(data: Buffer): void {
    let rest = data;
    while (rest.length > 0) {
      if (this.#messageLeft === 0) {
        const prefix = this.#prefix === null ? rest : Buffer.concat([this.#prefix, rest]);
        if (prefix.length < MESSAGE_PREFIX_BYTES) {
          this.#prefix = Buffer.from(prefix);
          return;
        }
        this.#prefix = null;
        this.#messageBytes = this.#messageLeft = prefix.readUInt32BE(1);
        rest = prefix.subarray(MESSAGE_PREFIX_BYTES);
        if (this.#messageLeft === 0) this.events.message(0);
        continue;
      }
      const taken = Math.min(rest.length, this.#messageLeft);
      this.#messageLeft -= taken;
      rest = rest.subarray(taken);
      if (this.#messageLeft === 0) this.events.message(this.#messageBytes);
    }
  }
}
