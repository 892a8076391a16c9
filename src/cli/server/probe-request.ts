import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { NodeTransportTls } from "../../sdk/node-transport.js";

/** The server as a command reaches it, whatever stands in between. */
export interface Reached {
  readonly url: string;
  readonly token: string;
  readonly tls: NodeTransportTls;
}

/** One request over HTTP/1.1, of which nothing is left out or added. Follows no redirect. */
export interface ProbeRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** The response once its head is there. Rejects as Node does. Destroy it when it is not read to its end. */
export async function probe(
  { url, token, tls }: Reached,
  request: ProbeRequest,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const target = new URL(`${url.replace(/\/+$/, "")}${request.path}`);
  const options = {
    ...{ method: request.method, signal, agent: false as const },
    headers: { Authorization: `Bearer ${token}`, ...request.headers },
  };
  const asked =
    target.protocol === "https:" ? https.request(target, { ...tls, ...options }) : http.request(target, options);
  asked.end(request.body);
  const [response] = (await once(asked, "response", { signal })) as [http.IncomingMessage];
  return response;
}

/** The whole body as text, up to 64 KiB. */
export async function bodyOf(response: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) {
    text += chunk;
    if (text.length > 65_536) break;
  }
  return text;
}
