import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of HTTP/1.1, or of HTTP/2 through Node's compatibility API. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** Its answer. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A handler of requests of both HTTP versions, as Node's servers call it. */
export type RequestListener = (req: NodeRequest, res: NodeResponse) => void;

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's X-Request-Id when it is 1 to 128 of A–Z a–z 0–9 `.` `_` `:` `-`, else a new UUID (api.md, "request id"). */
export function requestIdOf(req: Pick<NodeRequest, "headers">): string {
  const given = req.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/** The path as sent, without the query. */
export function pathOf(req: NodeRequest): string {
  return (req.url ?? "").split("?", 1)[0] ?? "";
}

/** The query as sent; empty when there is none. */
export function queryOf(req: NodeRequest): URLSearchParams {
  const url = req.url ?? "";
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

/** One header; undefined when it is absent or was sent more than once in a way that Node keeps apart. */
export function headerOf(req: Pick<NodeRequest, "headers">, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** All headers, as sent. */
export function headersOf(req: Pick<NodeRequest, "rawHeaders">): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at] ?? "";
    // HTTP/2's pseudo headers are no headers.
    if (!name.startsWith(":")) headers.append(name, req.rawHeaders[at + 1] ?? "");
  }
  return headers;
}

/** Host, or `:authority` in HTTP/2. */
export function authorityOf(req: NodeRequest): string | undefined {
  return "authority" in req && req.authority !== "" ? req.authority : headerOf(req, "host");
}

/** HTTP/2 and HTTP/1.1 answer with the same calls, but TypeScript does not join their overloads. */
export function endWith(res: NodeResponse, status: number, headers: Record<string, string>, body?: Uint8Array): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  const response = res as ServerResponse;
  if (body === undefined) response.end();
  else response.end(body);
}
