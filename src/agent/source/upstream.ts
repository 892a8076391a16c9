import { readBody, type HttpAnswer, type HttpSend } from "../../sdk/runtime/ways/http.js";
import type { TokenSource } from "../../sdk/authorized-transport.js";

/** Passes requests on to the server, with the source's own token. */
export interface Upstream {
  /**
   * Sends a body. Resolves with any answer of the server, of which the body is read and dropped.
   *
   * @param path begins with `/v1/`
   * @throws the error of the connection when there is no answer
   */
  post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<UpstreamAnswer>;
}

/** An answer of the server. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Of `Retry-After`; null without one. */
  readonly retryAfterSeconds: number | null;
}

/** Answers to reports are a few bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** @param url of the server */
export function createUpstream(send: HttpSend, url: string, token: TokenSource): Upstream {
  const base = url.replace(/\/+$/, "");
  return {
    async post(path, headers, body, signal) {
      const bearer = typeof token === "string" ? token : token();
      const all = { ...headers, Authorization: `Bearer ${bearer}` };
      const answer = await send({ method: "POST", url: base + path, headers: all, body, signal });
      await readBody(answer, MAX_ANSWER_BYTES);
      return { status: answer.status, retryAfterSeconds: retryAfterOf(answer) };
    },
  };
}

function retryAfterOf(answer: HttpAnswer): number | null {
  const header = answer.header("Retry-After") ?? "";
  return /^\d{1,6}$/.test(header) ? Number(header) : null;
}
