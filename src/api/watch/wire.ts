import type { Compression } from "@connectrpc/connect/protocol";
import type { AppError } from "../../core/error.js";
import type { FrameBody } from "./frames.js";

/** What a protocol makes of a watch. One file for each; nothing here knows of one stream. */
export interface WatchWire {
  readonly body: FrameBody;
  readonly compression: Compression | null;
  /** Of the answer's head, beside those of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** How a stream ends. */
  ending(error: AppError, requestId: string): Ending;
}

/** The last bytes, and the trailers of HTTP. */
export interface Ending {
  readonly last: Uint8Array | null;
  readonly trailers: Readonly<Record<string, string>> | null;
}
