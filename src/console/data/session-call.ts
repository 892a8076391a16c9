import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { WhoAmIResponseSchema, type WhoAmIResponse } from "../../../gen/signet/v1/token_pb.js";
import { fetchHere } from "./attendance.js";
import { BASE } from "./links.js";

/** A session as the server tells of it; times in milliseconds of this browser's clock. */
export interface ServerSession {
  readonly who: WhoAmIResponse;
  /** When it ends without another call. */
  readonly idleEndsMs: number;
  /** When it ends at the latest. */
  readonly endsMs: number;
}

/** Why a call about the session failed; the message can be shown. */
export class SessionError extends Error {
  constructor(
    message: string,
    /** 0 when the server could not be reached. */
    readonly status: number,
  ) {
    super(message);
  }
}

const URL_OF_SESSION = `${BASE}session`;

/** The session of this browser; null when it has none. Throws a SessionError. */
export async function readSession(): Promise<ServerSession | null> {
  const response = await call({ method: "GET" });
  return response.status === 401 ? null : await sessionOf(response);
}

/** Makes a session for a token. Throws a SessionError. */
export async function createSession(token: string): Promise<ServerSession> {
  const headers = { "Content-Type": "application/json" };
  return await sessionOf(await call({ method: "POST", headers, body: JSON.stringify({ token }) }));
}

/** Ends the session. Throws a SessionError. */
export async function deleteSession(): Promise<void> {
  const response = await call({ method: "DELETE" });
  if (!response.ok) throw await refusalOf(response);
}

async function call(init: RequestInit): Promise<Response> {
  try {
    return await fetchHere(URL_OF_SESSION, { ...init, signal: AbortSignal.timeout(15_000) });
  } catch {
    throw new SessionError("The server cannot be reached. Check that it runs, then try again.", 0);
  }
}

async function sessionOf(response: Response): Promise<ServerSession> {
  if (!response.ok) throw await refusalOf(response);
  const body = (await response.json()) as { who: JsonValue; idle_ends_at: string; ends_at: string };
  // The clocks of server and browser may differ by minutes.
  const date = Date.parse(response.headers.get("date") ?? "");
  const aheadMs = Number.isNaN(date) ? 0 : date - Date.now();
  return {
    who: fromJson(WhoAmIResponseSchema, body.who, { ignoreUnknownFields: true }),
    idleEndsMs: Date.parse(body.idle_ends_at) - aheadMs,
    endsMs: Date.parse(body.ends_at) - aheadMs,
  };
}

async function refusalOf(response: Response): Promise<SessionError> {
  const { status, headers } = response;
  const body = (await response.json().catch(() => ({}))) as { message?: unknown; requestId?: unknown };
  if (status === 401) {
    return new SessionError(
      "This token does not work: it is mistyped, was revoked or rotated, or has expired.",
      status,
    );
  }
  if (status === 429) {
    const seconds = Number(headers.get("retry-after") ?? 60);
    return new SessionError(`Too many tries from this address. Try again in ${seconds} seconds.`, status);
  }
  const message = typeof body.message === "string" ? body.message : `the server answered with status ${status}`;
  const request = typeof body.requestId === "string" && status >= 500 ? ` (request ${body.requestId})` : "";
  return new SessionError(`${message.charAt(0).toUpperCase()}${message.slice(1)}${request}.`, status);
}
