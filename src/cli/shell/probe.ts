import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { SignetError } from "../../sdk/index.js";
import { NO_TLS_TEXT, speaksNoTls } from "../../sdk/http1-fallback.js";
import type { NodeTransportTls } from "../../sdk/node-transport.js";

/** How a probe connects. */
export type ProbeTls = NodeTransportTls & { readonly rejectUnauthorized?: boolean };

/** Characters of an answer that are read. */
const MAX_ANSWER_LENGTH = 4_096;

/** Characters of a reason that are shown: one line. */
const MAX_REASON_LENGTH = 200;

/** Asks /readyz once. Throws SignetError `unavailable` unless it answers 200 before the signal aborts. */
export async function assertReady(url: string, tls: ProbeTls, signal: AbortSignal): Promise<void> {
  const { status, type, body } = await get(url, "/readyz", tls, signal);
  if (status === 200) return;
  // The reason that a server gives for refusing a connection, such as one without TLS.
  const reason = status === 400 && type === "text/plain" ? `: ${body.slice(0, MAX_REASON_LENGTH).trim()}` : "";
  throw new SignetError("unavailable", `${url} is not ready: status ${status}${reason}`);
}

/**
 * The version of the Signet server at a URL; null when something else answers. Throws SignetError `unavailable` when nothing answers
 * before the signal aborts.
 */
export async function serverVersion(url: string, tls: ProbeTls, signal: AbortSignal): Promise<string | null> {
  const { status, body } = await get(url, "/healthz", tls, signal);
  try {
    const answer = JSON.parse(body) as { readonly version?: unknown } | null;
    return status === 200 && typeof answer?.version === "string" ? answer.version : null;
  } catch {
    return null;
  }
}

/** Not fetch, which accepts no certificates. Redirects are not followed: another server's answer would say nothing about this one. */
async function get(url: string, path: string, tls: ProbeTls, signal: AbortSignal) {
  const target = new URL(`${url.replace(/\/+$/, "")}${path}`);
  const asked = target.protocol === "https:" ? https.get(target, { ...tls, signal }) : http.get(target, { signal });
  try {
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    return { status: answer.statusCode ?? 0, type: answer.headers["content-type"], body: await readPrefix(answer) };
  } catch (cause) {
    throw new SignetError("unavailable", `${url} does not answer: ${reasonOf(cause)}`, { cause });
  } finally {
    asked.destroy();
  }
}

async function readPrefix(answer: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_ANSWER_LENGTH) break;
  }
  return text.slice(0, MAX_ANSWER_LENGTH);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (speaksNoTls(cause)) return NO_TLS_TEXT;
  if (cause.name === "AbortError" || cause.name === "TimeoutError") return "no response in time";
  // A name with several addresses fails with an error for each, and an empty message.
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join("; ");
  return cause.message;
}
