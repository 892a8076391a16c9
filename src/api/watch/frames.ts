import { create, toBinary, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { compressedFlag, encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import { WatchBundleResponseSchema, type WatchBundleResponse } from "../../../gen/signet/v1/runtime_pb.js";
import type { ActiveContents } from "../../service/runtimes/active-contents.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { streamFormat } from "../rest/stream-format.js";
import { watchMessage } from "../methods/watch-message.js";

/** How the messages of a watch look: enveloped protobuf or JSON, server-sent events, lines of JSON. */
export type FrameBody = "proto" | "json" | "events" | "lines";

/** Smaller messages are not worth it: Connect's own limit. */
const COMPRESS_MIN_BYTES = 1024;

type FrameSet = Map<FrameForm, Buffer | Promise<Buffer>>;

const content = { desc: WatchBundleResponseSchema, responseField: undefined };
const events = streamFormat("text/event-stream", content);
const lines = streamFormat(undefined, content);

/** How a stream has its messages: the same object for all that have them so. */
export interface FrameForm {
  readonly body: FrameBody;
  /** Only of enveloped forms. */
  readonly compression: Compression | null;
  /** Activations carry the content in place of the document. */
  readonly hasContent: boolean;
}

const forms = new Map<string, FrameForm>();

/** The form of a stream's messages. */
export function frameForm(body: FrameBody, compression: Compression | null, hasContent: boolean): FrameForm {
  const name = `${body} ${compression?.name ?? ""} ${hasContent}`;
  const known = forms.get(name);
  if (known !== undefined) return known;
  const form = { body, compression, hasContent };
  forms.set(name, form);
  return form;
}

/** Stands for the proof of an activation that has none. */
const UNPROVEN = {};

/**
 * The frames of watch events, each made once and written to every stream of that form, so they hold nothing of one stream. Those of an
 * activation live as long as both its ActiveBundle and its proof, the others as long as their event.
 */
export class Frames {
  readonly #frames = new WeakMap<object, FrameSet>();
  readonly #activations = new WeakMap<object, WeakMap<object, FrameSet>>();

  constructor(private readonly contents: Pick<ActiveContents, "of">) {}

  of(event: WatchEvent, form: FrameForm): Buffer | Promise<Buffer> {
    const frames = this.#setOf(event);
    const kept = frames.get(form);
    if (kept !== undefined) return kept;
    const made = this.#encode(event, form);
    frames.set(form, made);
    if (made instanceof Promise) void replaceWhenDone(frames, form, made);
    return made;
  }

  #setOf(event: WatchEvent): FrameSet {
    if (event.kind !== "activation") return valueOf(this.#frames, event, () => new Map() as FrameSet);
    const byProof = valueOf(this.#activations, event.active, () => new WeakMap<object, FrameSet>());
    return valueOf(byProof, event.proof ?? UNPROVEN, () => new Map() as FrameSet);
  }

  #encode(event: WatchEvent, form: FrameForm): Buffer | Promise<Buffer> {
    if (event.kind !== "activation" || !form.hasContent) return encode(watchMessage(event), form);
    return this.contents.of(event.active).then((content) => encode(watchMessage(event, content), form));
  }
}

function valueOf<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const kept = map.get(key);
  if (kept !== undefined) return kept;
  const made = make();
  map.set(key, made);
  return made;
}

async function replaceWhenDone(frames: FrameSet, form: FrameForm, made: Promise<Buffer>): Promise<void> {
  try {
    frames.set(form, await made);
  } catch {
    // The waiting callers get the error; the next call tries again.
    frames.delete(form);
  }
}

function encode(
  init: MessageInitShape<typeof WatchBundleResponseSchema>,
  { body, compression }: FrameForm,
): Buffer | Promise<Buffer> {
  const message = create(WatchBundleResponseSchema, init);
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
