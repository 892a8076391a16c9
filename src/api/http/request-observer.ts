import type { AppError } from "../../core/error.js";
import type { LimitName } from "../../core/limit.js";
import { WIRE_CODES } from "../admission/error-status.js";
import { isProtocolError } from "./access-log.js";
import type { RequestReport } from "./request-outcome.js";

/** A request that is over, as it is counted. */
export interface FinishedRequest {
  /** From the proto; undefined when the request reached no operation. */
  readonly operationId: string | undefined;
  readonly protocol: RequestReport["protocol"];
  readonly isStream: boolean;
  /** As REST answers it, whatever the protocol; 499 when the client did not wait. */
  readonly status: number;
  readonly durationMs: number;
  readonly isAuthenticationFailure: boolean;
  /** The limit that refused it; null when none did. */
  readonly limit: LimitName | null;
}

/** Told of every request. Cheap; never throws. */
export interface RequestObserver {
  finished(request: FinishedRequest): void;
}

/** An answer, as far as it counts. */
interface Answered {
  readonly status: number;
  /** The client had not got all of it when the connection or stream ended. */
  readonly isAborted: boolean;
}

/** The figures of a request that is over. */
export function finishedRequest(report: RequestReport, answered: Answered, durationMs: number): FinishedRequest {
  const { operationId, protocol, isStream, error, keyPrefix } = report;
  return {
    operationId,
    protocol,
    isStream,
    durationMs,
    status: statusOf(report, answered),
    // A stream that ends with its token was authenticated when it began.
    isAuthenticationFailure: error?.code === "unauthenticated" && keyPrefix === undefined,
    limit: error === undefined ? null : limitOf(error),
  };
}

function statusOf(report: RequestReport, { status, isAborted }: Answered): number {
  if (report.error !== undefined) return WIRE_CODES[report.error.code].httpStatus;
  if (isAborted) return WIRE_CODES.cancelled.httpStatus;
  return isProtocolError(report) ? WIRE_CODES.malformed.httpStatus : status;
}

function limitOf({ code, reason }: AppError): LimitName | null {
  const byReason = LIMITS_BY_REASON[reason ?? ""];
  if (byReason !== undefined) return byReason;
  if (code === "too_large") return "max_body_bytes";
  if (code === "quota_exceeded") return "version_quota";
  return code === "rate_limited" ? "rate_limit" : null;
}

const LIMITS_BY_REASON: Readonly<Record<string, LimitName>> = {
  too_many_bodies: "max_body_memory_bytes",
  too_many_answers: "max_answer_memory_bytes",
  memory_full: "max_memory_percent",
  too_many_documents: "document_queue",
  document_too_costly: "document_bounds",
  diff_too_large: "diff_bounds",
  too_many_streams: "max_streams",
  too_many_polls: "max_held_polls",
  too_many_health_watches: "max_health_watches_per_address",
  too_many_failed_authentications: "max_failed_authentications",
};
