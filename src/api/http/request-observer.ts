import type { AppError } from "../../core/error.js";
import { WIRE_CODES } from "../errors.js";
import { isProtocolError, type LoggedAnswer } from "./access-log.js";
import type { RequestReport } from "./request-report.js";

/** A request that is over, for whoever counts. */
export interface FinishedRequest {
  /** From the proto; undefined when the request reached no operation. */
  readonly operationId: string | undefined;
  readonly protocol: RequestReport["protocol"];
  readonly isStream: boolean;
  /** As REST answers it, whatever the protocol; 499 when the client did not wait. */
  readonly status: number;
  readonly durationMs: number;
  readonly isAuthenticationFailure: boolean;
  /** The limit that refused it, by the name of its setting; null when none did. */
  readonly limit: string | null;
}

/** Told of every request. Cheap; never throws. */
export interface RequestObserver {
  finished(request: FinishedRequest): void;
}

/** The limits that refuse requests. */
export const REQUEST_LIMITS = ["rate_limit", "max_streams", "max_held_polls", "max_body_bytes", "version_quota"];

/** What was answered, as far as it counts. */
type Answered = Pick<LoggedAnswer, "status" | "isAborted">;

export function finishedRequest(report: RequestReport, answered: Answered, durationMs: number): FinishedRequest {
  const { operationId, protocol, isStream, error, keyPrefix } = report;
  return {
    operationId,
    protocol,
    isStream,
    durationMs,
    status: statusOf(report, answered),
    // Who was let in and has a stream that ends because the token does has shown its credentials.
    isAuthenticationFailure: error?.code === "unauthenticated" && keyPrefix === undefined,
    limit: error === undefined ? null : limitOf(error),
  };
}

function statusOf(report: RequestReport, { status, isAborted }: Answered): number {
  if (report.error !== undefined) return WIRE_CODES[report.error.code].httpStatus;
  if (isAborted) return WIRE_CODES.cancelled.httpStatus;
  return isProtocolError(report) ? WIRE_CODES.malformed.httpStatus : status;
}

function limitOf({ code, reason }: AppError): string | null {
  if (code === "too_large") return "max_body_bytes";
  if (code === "quota_exceeded") return "version_quota";
  if (code !== "rate_limited") return null;
  if (reason === "too_many_streams") return "max_streams";
  return reason === "too_many_polls" ? "max_held_polls" : "rate_limit";
}
