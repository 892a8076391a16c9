import { SignetError } from "../../signet-error.js";

/** One server-sent event. */
export interface ServerEvent {
  /** Its name; `message` without one. */
  readonly name: string;
  readonly data: string;
  /** Its field `retry`, in milliseconds: when to come back. Absent without one. */
  readonly retryMs?: number;
}

/** Above the largest content, with every character of it escaped. */
const MAX_EVENT_LENGTH = 96 * 1024 * 1024;

/**
 * The events of a stream (HTML, section 9.2.6). Comments and other fields are skipped; an event that the stream cuts off is dropped.
 * Throws SignetError `too_large` for one of more than 96 Mi characters.
 */
export async function* readServerEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  let name = "";
  let data: string[] = [];
  let retry: { readonly retryMs?: number } = {};
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (data.length > 0) yield { name: name === "" ? "message" : name, data: data.join("\n"), ...retry };
      name = "";
      data = [];
      retry = {};
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    if (field === "data") data.push(value);
    if (field === "retry" && /^\d{1,9}$/.test(value)) retry = { retryMs: Number(value) };
  }
}

/** Lines that end in LF or CR LF, as Signet's do. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Joined once for each line: a long line comes in many chunks.
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      parts.push(text.slice(from, end));
      const line = parts.join("");
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
      parts = [];
      length = 0;
      from = end + 1;
    }
    parts.push(text.slice(from));
    length += text.length - from;
    if (length > MAX_EVENT_LENGTH) throw new SignetError("too_large", "an event of the stream is too long");
  }
}
