import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { compressedFlag, encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import { WatchBundleResponseSchema, type WatchBundleResponse } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { streamFormat } from "../rest/stream-format.js";
import { watchMessage } from "../methods/watch-message.js";

/** How the messages of a watch look: enveloped protobuf or JSON, server-sent events, lines of JSON. */
export type FrameBody = "proto" | "json" | "events" | "lines";

/** Smaller messages are not worth it: Connect's own limit. */
const COMPRESS_MIN_BYTES = 1024;

type FrameSet = Map<string, Buffer | Promise<Buffer>>;

const content = { desc: WatchBundleResponseSchema, responseField: undefined };
const events = streamFormat("text/event-stream", content);
const lines = streamFormat(undefined, content);

/**
 * The frames of watch events, each made once and written to every stream of that form, so they hold nothing of one stream. Those of an
 * activation live as long as its ActiveBundle, the others as long as their event.
 */
export class Frames {
  readonly #frames = new WeakMap<object, FrameSet>();

  /** @param compression only of enveloped forms */
  of(event: WatchEvent, body: FrameBody, compression: Compression | null): Buffer | Promise<Buffer> {
    const owner = event.kind === "activation" ? event.active : event;
    let frames = this.#frames.get(owner);
    if (frames === undefined) this.#frames.set(owner, (frames = new Map() as FrameSet));
    const key = compression === null ? body : `${body} ${compression.name}`;
    const kept = frames.get(key);
    if (kept !== undefined) return kept;
    const made = encode(event, body, compression);
    frames.set(key, made);
    if (made instanceof Promise) void replaceWhenDone(frames, key, made);
    return made;
  }
}

async function replaceWhenDone(frames: FrameSet, key: string, made: Promise<Buffer>): Promise<void> {
  try {
    frames.set(key, await made);
  } catch {
    // The waiting callers get the error; the next call tries again.
    frames.delete(key);
  }
}

function encode(event: WatchEvent, body: FrameBody, compression: Compression | null): Buffer | Promise<Buffer> {
  const message = create(WatchBundleResponseSchema, watchMessage(event));
  if (body === "events") return Buffer.from(events.message(message));
  if (body === "lines") return Buffer.from(lines.message(message));
  const data = serialized(message, body);
  if (compression === null || data.byteLength < COMPRESS_MIN_BYTES) return Buffer.from(encodeEnvelope(0, data));
  return compression.compress(data).then((compressed) => Buffer.from(encodeEnvelope(compressedFlag, compressed)));
}

function serialized(message: WatchBundleResponse, body: "proto" | "json"): Uint8Array<ArrayBuffer> {
  if (body === "proto") return toBinary(WatchBundleResponseSchema, message);
  return new TextEncoder().encode(toJsonString(WatchBundleResponseSchema, message));
}
