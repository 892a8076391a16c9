import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

export interface RawRequest {
  readonly method?: string;
  /** Sent as it is: nothing is normalized or encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Without Content-Length. */
  readonly chunked?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** One HTTP/1.1 request on a connection of its own. */
export async function sendRaw(url: string, raw: RawRequest): Promise<RawAnswer> {
  const { method = "POST", path, headers = {}, body = "", chunked = false } = raw;
  const length = chunked ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
  const req = request(url, { method, path, headers: { ...headers, ...length }, agent: false });
  const answered = once(req, "response") as Promise<[IncomingMessage]>;
  // A server may answer and close before it was sent everything.
  req.on("error", () => undefined);
  if (chunked) req.write(body);
  req.end(chunked ? undefined : body);
  const [answer] = await answered;
  return { status: answer.statusCode ?? 0, text: await text(answer).catch(() => "") };
}
