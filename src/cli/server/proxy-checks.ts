import { Deadline } from "../../core/schedule/deadline.js";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { fine, problem, warning, type Finding } from "../../core/finding.js";
import { waitFor } from "../../core/schedule/wait.js";
import { bodyOf, probe, type Reached } from "./probe-request.js";

/** Silence that every proxy before Signet must endure: docs/operate.md, “Behind a proxy”. */
export const SILENCE_SECONDS = 70;
/** The first message of a stream comes at once, unless somebody keeps it back. */
const FIRST_MESSAGE_MS = 5_000;
const TAG = '"signet-doctor.1"';

/** What SystemService.Echo answers in REST. */
interface Echo {
  readonly host: string | null;
  readonly if_none_match: string | null;
  readonly forwarded: boolean;
  readonly public_url: string | null;
  /** Absent from servers of before it. */
  readonly public_urls?: readonly string[];
  readonly trusted_proxies: number;
}

/** Whether the host, tags and addresses arrive as they were sent. Rejects when the server cannot be reached. */
export async function checkHeaders(reached: Reached, timeoutMs: number): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const request = { method: "GET", path: "/v1/system/echo", headers: { "If-None-Match": TAG } } as const;
  const response = await probe(reached, request, signal);
  const { etag } = response.headers;
  const body = await bodyOf(response);
  if (response.statusCode !== 200) {
    const text = `GET /v1/system/echo answered ${response.statusCode ?? 0} through ${reached.url}`;
    return [problem("proxy", text, "let requests to /v1/ through, with their Authorization header")];
  }
  return findingsOf(reached.url, JSON.parse(body) as Echo, etag);
}

/** What an echo and the tag of its answer tell of the way to `url`. */
export function findingsOf(url: string, echo: Echo, etag: string | undefined): readonly Finding[] {
  const { host } = new URL(url);
  const findings: Finding[] = [];
  const publicUrls = echo.public_urls ?? (echo.public_url === null ? [] : [echo.public_url]);
  const isPublic = publicUrls.some((each) => new URL(each).host === host);
  if (echo.host !== null && echo.host.toLowerCase() !== host && !isPublic) {
    const text = `Host arrives as ${echo.host}, and ${host} was sent`;
    const remedy =
      publicUrls.length === 0
        ? "keep Host in the proxy, or set SIGNET_PUBLIC_URL: browsers are refused changes otherwise"
        : `add the URL of ${host} to SIGNET_PUBLIC_URL (now ${publicUrls.join(", ")}): browsers there are refused changes`;
    findings.push(warning("proxy-host", text, remedy));
  } else findings.push(fine("proxy-host", "Host arrives as it was sent, or SIGNET_PUBLIC_URL says it"));
  if (echo.if_none_match !== TAG || etag !== TAG) {
    const text = `tags are changed: If-None-Match arrives as ${echo.if_none_match ?? "nothing"}, ETag as ${etag ?? "nothing"}`;
    const remedy = "switch off compression and rewriting for this server: polls would get the whole bundle each time";
    findings.push(warning("proxy-etag", text, remedy));
  } else findings.push(fine("proxy-etag", "ETag and If-None-Match arrive as they were sent"));
  if (echo.forwarded && echo.trusted_proxies === 0) {
    const text = "a proxy is in front, and the server takes its address for that of every client";
    const remedy = "set SIGNET_TRUSTED_PROXIES to the number of proxies: limits and audit go by address";
    findings.push(warning("proxy-addresses", text, remedy));
  } else findings.push(fine("proxy-addresses", "the server sees its clients' addresses"));
  return findings;
}

/** Whether the first message of a stream comes at once, and the stream outlives `seconds` of silence. */
export async function checkStream(
  reached: Reached,
  seconds: number,
  stop: AbortSignal,
  firstMessageMs = FIRST_MESSAGE_MS,
): Promise<readonly Finding[]> {
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const remedy = "switch off buffering of responses in the proxy (nginx: proxy_buffering off)";
  try {
    const response = probe(reached, WATCH_HEALTH, signal);
    const first = response.then(async (stream) => {
      if (stream.statusCode !== 200) throw new Error(`it was answered with ${stream.statusCode ?? 0}`);
      await once(stream, "readable", { signal });
      return stream.read() as Buffer | null;
    });
    if (!(await waitFor(first, firstMessageMs, [signal]))) {
      const text = `the first message of a stream did not come within ${firstMessageMs / 1000} s: something keeps it back`;
      return [problem("proxy-streaming", text, remedy)];
    }
    const findings = [fine("proxy-streaming", "the first message of a stream comes at once")];
    if (seconds === 0) return findings;
    const stream = await response;
    const over = Promise.race([once(stream, "end"), once(stream, "close"), once(stream, "readable")]);
    const isOver = await waitFor(
      over.catch(() => undefined),
      seconds * 1000,
      [stop],
    );
    return [...findings, silenceFinding("a stream", isOver, seconds)];
  } catch (error) {
    if (stop.aborted) throw error;
    return [problem("proxy-streaming", `a stream was not let through: ${messageOf(error)}`, remedy)];
  } finally {
    ended.abort();
  }
}

/** Whether an answer that is held for `seconds` arrives. */
export async function checkHeldAnswer(reached: Reached, seconds: number, stop: AbortSignal): Promise<Finding> {
  using deadline = new Deadline((seconds + 30) * 1000, stop);
  try {
    const path = `/v1/system/echo?wait_seconds=${seconds}`;
    const response = await probe(reached, { method: "GET", path }, deadline.signal);
    response.destroy();
    return silenceFinding("a held answer", response.statusCode !== 200, seconds);
  } catch (error) {
    if (stop.aborted) throw error;
    return silenceFinding("a held answer", true, seconds);
  }
}

function silenceFinding(what: string, isCut: boolean, seconds: number): Finding {
  if (!isCut) return fine("proxy-silence", `${what} outlives ${seconds} s of silence`);
  const remedy = `raise the idle and read timeouts of the proxy above ${SILENCE_SECONDS} s (nginx: proxy_read_timeout)`;
  return problem("proxy-silence", `${what} is cut within ${seconds} s of silence`, remedy);
}

/** grpc.health.v1.Health/Watch over Connect: one message at once, and then none while the server serves. */
const WATCH_HEALTH = {
  method: "POST",
  path: "/grpc.health.v1.Health/Watch",
  headers: { "Content-Type": "application/connect+json", "Connect-Protocol-Version": "1" },
  // An envelope: no flags, and the length of the message.
  body: Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from("{}")]),
} as const;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
