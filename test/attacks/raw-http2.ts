import { once } from "node:events";
import {
  FLAG,
  frame,
  FRAME_HEADER_BYTES,
  literals,
  PREFACE,
  SETTINGS_ACK,
  settings,
  TYPE,
} from "../../bench/load/http2-frames.js";
import { KEYS } from "../api/http/rig.js";
import { RawConnection } from "../api/http/wire.js";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The header block of a request. */
export function requestFields(path: string, more: Readonly<Record<string, string>> = {}, method = "GET"): Buffer {
  return literals({ ":method": method, ":scheme": "http", ":path": path, ":authority": "x", ...more });
}

/** A request whose client has nothing more to say. */
export function requestFrame(stream: number, path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, stream, requestFields(path, more));
}

/** A request with a good token whose body has not come yet. */
export function openRequestFrame(stream: number, path: string): Buffer {
  const headers = { "x-api-key": KEYS.ci, "content-type": "application/grpc", te: "trailers" };
  return frame(TYPE.headers, FLAG.endHeaders, stream, requestFields(path, headers, "POST"));
}

/** A client of HTTP/2 that says what it likes. It agrees to the server's settings, and answers pings if it is told to. */
export class RawHttp2 implements Disposable {
  readonly frames: Frame[] = [];
  private readonly raw: RawConnection;
  private rest: Buffer = Buffer.alloc(0);

  private constructor(port: number) {
    this.raw = new RawConnection(port);
    // Who waits for a frame leaves listeners behind until the next bytes.
    this.raw.socket.setMaxListeners(0);
    this.raw.socket.on("data", (chunk: Buffer) => this.read(chunk));
  }

  /** Resolves when the server has agreed to the client's settings too. */
  static async open(port: number, ...own: Parameters<typeof settings>): Promise<RawHttp2> {
    const opened = new RawHttp2(port);
    await opened.send(PREFACE, settings(...own));
    await opened.until(({ type, flags }) => type === TYPE.settings && (flags & FLAG.ack) === FLAG.ack);
    return opened;
  }

  /** Resolves when the bytes are on their way, or can be no more: the server hangs up on attackers. */
  async send(...bytes: readonly Uint8Array[]): Promise<void> {
    await this.raw.send(Buffer.concat(bytes)).catch(() => undefined);
  }

  /** Takes nothing more from the network. */
  pause(): void {
    this.raw.socket.pause();
  }

  /** The first frame that is wanted, of those that came and will come. Rejects when the connection ends before. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined) return found;
      if (this.raw.socket.destroyed) throw new Error("the connection is closed");
      await Promise.race([once(this.raw.socket, "data"), once(this.raw.socket, "close")]);
    }
  }

  /** The error code of a RST_STREAM, or of GOAWAY for stream 0. */
  async refusal(stream: number): Promise<number> {
    const type = stream === 0 ? TYPE.goAway : TYPE.rstStream;
    const { payload } = await this.until((it) => it.type === type && it.stream === stream);
    return payload.readUInt32BE(stream === 0 ? 4 : 0);
  }

  /** Ends the connection by a reset: what the server still writes is an error. */
  reset(): void {
    this.raw.socket.resetAndDestroy();
  }

  async closed(): Promise<void> {
    this.raw.socket.resume();
    await this.raw.closed();
  }

  get isClosed(): boolean {
    return this.raw.socket.destroyed;
  }

  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
  }

  private read(chunk: Buffer): void {
    let bytes = Buffer.concat([this.rest, chunk]);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      const [type = 0, flags = 0] = bytes.subarray(3, 5);
      this.answer({ type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(FRAME_HEADER_BYTES, end) });
      bytes = bytes.subarray(end);
    }
    this.rest = bytes;
  }

  private answer(came: Frame): void {
    this.frames.push(came);
    const isAck = (came.flags & FLAG.ack) === FLAG.ack;
    if (came.type === TYPE.settings && !isAck) void this.send(SETTINGS_ACK);
    if (came.type === TYPE.ping && !isAck) void this.send(frame(TYPE.ping, FLAG.ack, 0, came.payload));
  }
}
