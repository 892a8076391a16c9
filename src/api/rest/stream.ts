import { once } from "node:events";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { ServerResponse } from "node:http";
import type { NodeResponse } from "../http/node-http.js";
import { fieldNamed, getField } from "./fields.js";
import { writeMessage } from "./write.js";

/** How the messages of a server stream are written. */
export interface StreamFormat {
  readonly contentType: string;
  message(message: Message, desc: DescMessage): string;
  /** The end of a stream that broke; `body` is an error body as JSON text. */
  error(body: string): string;
}

/** `text/event-stream` (WHATWG HTML, "Server-sent events"): the event is the set field of the message's oneof, the id its `sequence`. */
const SERVER_SENT_EVENTS: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  message(message, desc) {
    const sequence = fieldNamed(desc, "sequence");
    const id = sequence === undefined ? "" : `id: ${String(getField(message, sequence))}\n`;
    return `event: ${eventName(message, desc)}\n${id}data: ${writeMessage(message, desc)}\n\n`;
  },
  error: (body) => `event: error\ndata: ${body}\n\n`,
};

/** One JSON text on each line. */
const NEWLINE_DELIMITED: StreamFormat = {
  contentType: "application/x-ndjson",
  message: (message, desc) => `${writeMessage(message, desc)}\n`,
  error: (body) => `{"error":${body}}\n`,
};

/** Server-sent events when the Accept header names them, else lines of JSON. */
export function streamFormat(accept: string | undefined): StreamFormat {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(accept ?? "") ? SERVER_SENT_EVENTS : NEWLINE_DELIMITED;
}

/** Writes a text; resolves when the peer can take more, or is gone. */
export async function writeChunk(res: NodeResponse, text: string, signal: AbortSignal): Promise<void> {
  const response = res as ServerResponse;
  if (response.write(text) || signal.aborted) return;
  try {
    await once(response, "drain", { signal });
  } catch {
    // Aborted: the generator hears of it by the same signal.
  }
}

function eventName(message: Message, desc: DescMessage): string {
  const [oneof] = desc.oneofs;
  const set = oneof?.fields.find((field) => getField(message, field) !== undefined);
  return set?.name ?? "message";
}
