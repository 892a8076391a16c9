import type { Readable } from "node:stream";
import { AppError } from "../../core/error.js";
import type { BodyShare } from "./body-memory.js";
import { toAppError } from "../admission/error-status.js";
import { headerOf, type NodeRequest } from "./node-http.js";
import { discardBody } from "./drain-body.js";

/** Set aside for a body whose length was not announced. */
const FIRST_BYTES = 2 * 1024;
const MAX_FIRST_BYTES = 64 * 1024;

/** Hears an error that comes after the body, which must not end the process. */
const ignore = () => undefined;

/**
 * The whole body of a request, as sent: still compressed when it is.
 *
 * Into one growing buffer, because a peer decides how many chunks there are: a chunk for each byte costs a hundred times the body.
 *
 * @throws AppError `too_large` as soon as it is known to be over `maxBytes`: from Content-Length, before anything is read.
 * @throws AppError `unavailable` when all bodies together need too much memory.
 * @throws AppError `cancelled` when the caller goes away.
 */
export async function readBody(req: NodeRequest, maxBytes: number, share: BodyShare | null): Promise<Uint8Array> {
  const announced = Number(headerOf(req, "content-length") ?? 0);
  const body: Readable = req;
  if (announced > maxBytes) throw bodyTooLarge(maxBytes);
  const firstBytes = Math.min(announced || FIRST_BYTES, MAX_FIRST_BYTES);
  share?.take(firstBytes);
  let buffer = Buffer.allocUnsafe(firstBytes);
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      body.off("data", onData);
      body.off("end", onEnd);
      body.on("error", ignore);
      body.off("error", onGone);
      body.off("close", onGone);
    };
    const makeRoom = (bytes: number) => {
      if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
      if (bytes <= buffer.byteLength) return;
      const size = Math.min(Math.max(buffer.byteLength * 2, bytes), maxBytes);
      share?.take(size - buffer.byteLength);
      const larger = Buffer.allocUnsafe(size);
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    };
    const onData = (chunk: Buffer) => {
      try {
        makeRoom(length + chunk.byteLength);
        length += chunk.copy(buffer, length);
      } catch (thrown) {
        stop();
        discardBody(req, maxBytes);
        reject(toAppError(thrown));
      }
    };
    const onEnd = () => {
      stop();
      resolve();
    };
    const onGone = (cause?: Error) => {
      stop();
      reject(new AppError("cancelled", "the request was cancelled", { cause }));
    };
    if (body.destroyed) {
      onGone();
      return;
    }
    body.on("data", onData);
    body.once("end", onEnd);
    body.once("error", onGone);
    body.once("close", onGone);
  });
  return buffer.subarray(0, length);
}

/**
 * A body as it comes, for methods that read it message by message. A reader that stops early leaves the rest where it is: Node's own
 * iteration would destroy the request, and an HTTP/1.1 connection with unread bytes serves no further request.
 */
export function chunksOf(req: NodeRequest): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => req.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array> };
}

/** The `too_large` error that names the limit, in bytes. */
export function bodyTooLarge(maxBytes: number): AppError {
  return new AppError("too_large", `the request is larger than the limit of ${maxBytes} bytes`);
}
