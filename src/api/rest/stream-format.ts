import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type { ErrorAnswer } from "../http/error-body.js";
import { acceptsEvents } from "../../core/http/conditional-request.js";
import { fieldNamed, getField } from "../../json-form/fields.js";
import { writeField, writeMessage } from "../../json-form/write.js";

/** How the messages of a stream look. */
export interface StreamFormat {
  readonly contentType: string;
  message(message: Message): string | Uint8Array;
  /** The end of a stream that failed; null if it can only be cut off. */
  error(answer: ErrorAnswer): string | null;
}

/** A format that is text, and has a form for errors. */
export interface TextStreamFormat extends StreamFormat {
  message(message: Message): string;
  error(answer: ErrorAnswer): string;
}

/** What a stream writes of each message: all of it, or the response_body's field. */
export interface StreamContent {
  readonly desc: DescMessage;
  readonly responseField: DescField | undefined;
  /** The data of a server-sent event is the member of the oneof that is set (Operation.event_data_is_member). */
  readonly isMember?: boolean;
}

/** Server-sent events for a client that accepts them, else one JSON text a line (api.md, `GET /v1/bundles/watch`). */
export function streamFormat(accept: string | undefined, content: StreamContent): TextStreamFormat {
  return acceptsEvents(accept) ? eventStream(content) : jsonLines(content);
}

/** The bytes of a field, one message after another. */
export function bytesFormat(field: DescField, mediaType: string): StreamFormat {
  return {
    contentType: mediaType,
    message: (message) => getField(message, field) as Uint8Array,
    error: () => null,
  };
}

/**
 * Events (HTML standard, section 9.2): named after the member of the message's one oneof that is set, `message` without one; the
 * id is the field `event_id`, or else the field `sequence`, and after a dot `deployment_id` where it is set, so that a client reconnects
 * with them in Last-Event-ID.
 */
function eventStream(content: StreamContent): TextStreamFormat {
  const { oneofs } = content.desc;
  const eventId = fieldNamed(content.desc, "event_id");
  const sequence = fieldNamed(content.desc, "sequence");
  const deploymentId = fieldNamed(content.desc, "deployment_id");
  const members = oneofs.length === 1 ? (oneofs[0]?.fields ?? []) : [];
  return {
    contentType: "text/event-stream",
    message(message) {
      const member = members.find((one) => getField(message, one) !== undefined);
      const activation = deploymentId === undefined ? undefined : getField(message, deploymentId);
      const suffix = typeof activation === "string" && activation !== "" ? `.${activation}` : "";
      const numbered = sequence === undefined ? "" : writeField(sequence, message) + suffix;
      const named = eventId === undefined ? numbered : String(getField(message, eventId));
      const id = named === "" ? "" : `id: ${oneLine(named)}\n`;
      const isMember = content.isMember === true && member !== undefined;
      const data = isMember ? oneLine(writeField(member, message)) : textOf(content, message);
      return `event: ${member?.name ?? "message"}\n${id}data: ${data}\n\n`;
    },
    error: ({ body, headers }) => `${retryField(headers["retry-after"])}event: error\ndata: ${body}\n\n`,
  };
}

function jsonLines(content: StreamContent): TextStreamFormat {
  return {
    contentType: "application/x-ndjson",
    message: (message) => `${textOf(content, message)}\n`,
    error: ({ body, headers }) => {
      const seconds = headers["retry-after"];
      return seconds === undefined ? `{"error":${body}}\n` : `{"error":${body},"retry_after_seconds":${seconds}}\n`;
    },
  };
}

/** When an EventSource reconnects (HTML standard, section 9.2.6); spread over that second, so that not all reconnect at its start. */
function retryField(seconds: string | undefined): string {
  return seconds === undefined ? "" : `retry: ${Math.round((Number(seconds) + Math.random()) * 1000)}\n`;
}

/** The head of a stream. */
export function streamHeaders({ contentType }: StreamFormat): Readonly<Record<string, string>> {
  return {
    "Content-Type": contentType,
    "Cache-Control": "no-store, no-transform",
    // Else nginx and its derivatives buffer the messages.
    "X-Accel-Buffering": "no",
  };
}

function textOf({ desc, responseField }: StreamContent, message: Message): string {
  return oneLine(responseField === undefined ? writeMessage(desc, message) : writeField(responseField, message));
}

/** Between the tokens of a json_text a line break is white space; inside of its strings there can be none (RFC 8259, section 7). */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, " ") : json;
}
