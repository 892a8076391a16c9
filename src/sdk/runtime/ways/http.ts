import type { AppErrorCode } from "../../../core/error.js";
import type { TokenSource } from "../../authorized-transport.js";
import { CallLimit, type CallLimits } from "./call-limit.js";
import { HTTP_STATUS, SignetError, type SignetErrorCode } from "../../signet-error.js";

/** An HTTP request. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** The answer to one, with a body that is still to be read. */
export interface HttpAnswer {
  readonly status: number;
  /** Null for a header that is not there. */
  header(name: string): string | null;
  /** Ends the connection when it is left early. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Sends a request; follows no redirect. Rejects when there is no answer. */
export type HttpSend = (request: HttpRequest) => Promise<HttpAnswer>;

/** For the largest content on a slow line; not for ever on one that only drips. */
const CALL_LIMITS: CallLimits = { idleMs: 20_000, totalMs: 120_000 };

/** The REST interface of a server, for a token. */
export class Rest {
  /** @param baseUrl without a slash at its end */
  constructor(
    private readonly send: HttpSend,
    private readonly baseUrl: string,
    private readonly token: TokenSource,
    private readonly limits: CallLimits = CALL_LIMITS,
  ) {}

  /** An answer with 2xx or 304. Throws SignetError for any other, and when there is none. */
  async get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpAnswer> {
    return await this.#call({ method: "GET", url: this.baseUrl + path, headers, signal });
  }

  /**
   * An answer, and at most `maxBytes` + 1 of its body, within the limits of a call. Throws as `get` does; `timeout` when a limit is over.
   *
   * @param check is given the answer before the body is read; what it throws ends the call
   */
  async read(
    path: string,
    maxBytes: number,
    signal: AbortSignal,
    check: (answer: HttpAnswer) => void = () => undefined,
  ): Promise<{ readonly answer: HttpAnswer; readonly bytes: Uint8Array }> {
    const request = { method: "GET", url: this.baseUrl + path, headers: {} } as const;
    return await this.#within(request, maxBytes, signal, check);
  }

  /** Sends JSON, within the limits of a call. Throws as `read` does. */
  async post(path: string, value: unknown, signal: AbortSignal): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    const url = this.baseUrl + path;
    const request = { method: "POST", url, headers, body: JSON.stringify(value) } as const;
    await this.#within(request, MAX_ERROR_BYTES, signal, () => undefined);
  }

  async #within(
    request: Omit<HttpRequest, "signal">,
    maxBytes: number,
    signal: AbortSignal,
    check: (answer: HttpAnswer) => void,
  ) {
    const limit = new CallLimit(this.limits, signal);
    const call = async () => {
      const answer = await this.#call({ ...request, signal: limit.signal });
      check(answer);
      return { answer, bytes: await readBody({ ...answer, body: limit.heard(answer.body) }, maxBytes) };
    };
    try {
      return await limit.race(call());
    } catch (thrown) {
      const { reason } = limit.signal as { readonly reason: unknown };
      limit.end();
      throw reason instanceof SignetError ? reason : connectionError(thrown, signal);
    } finally {
      limit.close();
    }
  }

  async #call(request: HttpRequest): Promise<HttpAnswer> {
    const token = typeof this.token === "string" ? this.token : this.token();
    const headers = { ...request.headers, Authorization: `Bearer ${token}` };
    const answer = await this.send({ ...request, headers }).catch((cause: unknown) => {
      throw connectionError(cause, request.signal);
    });
    if ((answer.status >= 200 && answer.status < 300) || answer.status === 304) return answer;
    throw await errorOf(answer, request.signal);
  }
}

/** A body of Signet's errors is below this. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Reads a body; stops above `maxBytes`.
 *
 * @returns at most maxBytes + 1 bytes, so that the caller sees that there were more
 */
export async function readBody({ body }: HttpAnswer, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    const taken = chunk.subarray(0, maxBytes + 1 - length);
    chunks.push(taken);
    length += taken.length;
    if (length > maxBytes) break;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** What a failed connection is to a caller. */
export function connectionError(cause: unknown, signal: AbortSignal): SignetError {
  if (cause instanceof SignetError) return cause;
  if (signal.aborted) return new SignetError("cancelled", "the call was cancelled", { cause });
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SignetError("unavailable", message, { cause });
}

async function errorOf(answer: HttpAnswer, signal: AbortSignal): Promise<SignetError> {
  const bytes = await readBody(answer, MAX_ERROR_BYTES).catch((cause: unknown) => {
    throw connectionError(cause, signal);
  });
  const said = signetBody(new TextDecoder().decode(bytes));
  const retryAfter = answer.header("Retry-After") ?? "";
  return new SignetError(said?.code ?? codeOf(answer.status), said?.message ?? `HTTP ${answer.status}`, {
    isFromServer: said !== null,
    ...(said === null ? {} : { requestId: said.requestId, reason: said.reason }),
    ...(/^\d{1,6}$/.test(retryAfter) ? { retryAfterSeconds: Number(retryAfter) } : {}),
  });
}

/** A Signet server's error (docs/api.md, "Errors"); null for a page of anything else. */
function signetBody(text: string) {
  try {
    return signetError(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The error of a body, or of an event of a stream; null for anything else. */
export function signetError(value: unknown) {
  const { status, requestId, message, detail } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof status !== "number" || typeof requestId !== "string" || typeof message !== "string") return null;
  const reason = ((detail ?? {}) as { error?: unknown }).error;
  const fallback = codeOf(status);
  const named = typeof reason === "string" ? reason : fallback;
  return {
    code: Object.hasOwn(HTTP_STATUS, named) ? (named as SignetErrorCode) : fallback,
    reason: named,
    requestId,
    message,
  };
}

const CODES: Readonly<Record<number, AppErrorCode | "timeout">> = {
  400: "malformed",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  412: "precondition_failed",
  413: "too_large",
  415: "unsupported_media_type",
  422: "invalid",
  429: "rate_limited",
  500: "internal",
  504: "timeout",
};

function codeOf(status: number): SignetErrorCode {
  return CODES[status] ?? (status > 500 ? "unavailable" : "unimplemented");
}
