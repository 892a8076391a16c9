import { toBinary, toJsonString, type Message } from "@bufbuild/protobuf";
import { compressedFlag, encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import type { ActiveContents } from "../../service/runtimes/active-contents.js";
import type { ActivePolicies, ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { streamFormat, type TextStreamFormat } from "../rest/stream-format.js";
import type { Told, WatchView } from "./watch-view.js";

/** How the messages of a watch look: enveloped protobuf or JSON, server-sent events, lines of JSON. */
export type FrameBody = "proto" | "json" | "events" | "lines";

/** Smaller messages are not worth it: Connect's own limit. */
const COMPRESS_MIN_BYTES = 1024;

type FrameSet = Map<FrameForm, Buffer | Promise<Buffer>>;

/** How a stream has its messages: the same object for all that have them so. */
export interface FrameForm {
  readonly body: FrameBody;
  /** Only of enveloped forms. */
  readonly compression: Compression | null;
  readonly view: WatchView;
}

const forms = new Map<string, FrameForm>();

/** The form of a stream's messages. */
export function frameForm(body: FrameBody, compression: Compression | null, view: WatchView): FrameForm {
  const name = `${body} ${compression?.name ?? ""} ${view.name}`;
  const known = forms.get(name);
  if (known !== undefined) return known;
  const form = { body, compression, view };
  forms.set(name, form);
  return form;
}

/** Stands for the proof of an activation that has none. */
const UNPROVEN = {};

const NOTHING: Told = { content: null, policies: null };

/**
 * The frames of watch events, each made once and written to every stream of that form, so they hold nothing of one stream. Those of an
 * activation live as long as both its ActiveBundle and its proof, or as its policies where they are all it tells; the others as long as
 * their event.
 */
export class Frames {
  readonly #frames = new WeakMap<object, FrameSet>();
  readonly #activations = new WeakMap<object, WeakMap<object, FrameSet>>();

  constructor(
    private readonly contents: Pick<ActiveContents, "of">,
    private readonly policies: Pick<ActivePolicyTexts, "peek" | "of">,
  ) {}

  of(event: WatchEvent, form: FrameForm): Buffer | Promise<Buffer> {
    if (event.kind !== "activation" || form.view.needs !== "policies")
      return frameIn(this.#setOf(event), form, () => this.#encode(event, form));
    const kept = this.policies.peek(event.active);
    if (kept !== undefined) return this.#ofPolicies(event, form, kept);
    return this.policies.of(event.active).then((policies) => this.#ofPolicies(event, form, policies));
  }

  #ofPolicies(event: WatchEvent, form: FrameForm, policies: ActivePolicies): Buffer | Promise<Buffer> {
    return frameIn(this.#setFor(policies), form, () =>
      encode(form.view.message(event, { ...NOTHING, policies }), form),
    );
  }

  #setOf(event: WatchEvent): FrameSet {
    if (event.kind !== "activation") return this.#setFor(event);
    const byProof = valueOf(this.#activations, event.active, () => new WeakMap<object, FrameSet>());
    return valueOf(byProof, event.proof ?? UNPROVEN, () => new Map() as FrameSet);
  }

  #setFor(key: object): FrameSet {
    return valueOf(this.#frames, key, () => new Map() as FrameSet);
  }

  #encode(event: WatchEvent, form: FrameForm): Buffer | Promise<Buffer> {
    const { view } = form;
    if (event.kind !== "activation" || view.needs !== "content") return encode(view.message(event, NOTHING), form);
    return this.contents.of(event.active).then((content) => encode(view.message(event, { ...NOTHING, content }), form));
  }
}

function frameIn(frames: FrameSet, form: FrameForm, make: () => Buffer | Promise<Buffer>): Buffer | Promise<Buffer> {
  const kept = frames.get(form);
  if (kept !== undefined) return kept;
  const made = make();
  frames.set(form, made);
  if (made instanceof Promise) void replaceWhenDone(frames, form, made);
  return made;
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

function encode(message: Message, { body, compression, view }: FrameForm): Buffer | Promise<Buffer> {
  if (body === "events" || body === "lines") return Buffer.from(restFormat(view, body).message(message));
  const data = serialized(message, body, view);
  if (compression === null || data.byteLength < COMPRESS_MIN_BYTES) return Buffer.from(encodeEnvelope(0, data));
  return compression.compress(data).then((compressed) => Buffer.from(encodeEnvelope(compressedFlag, compressed)));
}

const restFormats = new WeakMap<WatchView, Readonly<Record<"events" | "lines", TextStreamFormat>>>();

function restFormat(view: WatchView, body: "events" | "lines"): TextStreamFormat {
  const { content } = view;
  const make = () => ({
    events: streamFormat("text/event-stream", content),
    lines: streamFormat(undefined, content),
  });
  return valueOf(restFormats, view, make)[body];
}

function serialized(message: Message, body: "proto" | "json", { content }: WatchView): Uint8Array<ArrayBuffer> {
  if (body === "proto") return toBinary(content.desc, message);
  return new TextEncoder().encode(toJsonString(content.desc, message));
}
