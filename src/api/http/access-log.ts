import type { Logger } from "pino";
import type { AppError } from "../../core/error.js";
import { pathOf, type NodeRequest, type NodeResponse } from "./node-http.js";
import type { RequestReport } from "./request-report.js";

/** Errors that are the server's own, and so somebody must look at. */
const DEFECTS: readonly AppError["code"][] = ["internal", "data_loss", "signing_failed"];

/**
 * Writes one line for a request that is over: never a header, a query or a secret. A defect gets a line of its own before, at level
 * error, with what happened inside: the only place where a cause is written.
 */
export function logRequest(
  logger: Logger,
  req: NodeRequest,
  res: NodeResponse,
  report: RequestReport,
  durationMs: number,
  level: "info" | "debug" = "info",
): void {
  const { httpVersion, method = "" } = req;
  const answer = { httpVersion, method, path: pathOf(req), status: res.statusCode, isAborted: isAborted(res) };
  logAnswer(logger, answer, report, durationMs, level);
}

/** A request and its answer, as far as the log tells of them. */
export interface LoggedAnswer {
  readonly httpVersion: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The client had not got all of the answer when the connection or stream ended. */
  readonly isAborted: boolean;
}

/** As logRequest, for an answer of any make. */
export function logAnswer(
  logger: Logger,
  answer: LoggedAnswer,
  report: RequestReport,
  durationMs: number,
  level: "info" | "debug" = "info",
): void {
  const { requestId, clientAddress, protocol, operationId, keyPrefix, traceId, error } = report;
  if (error !== undefined && DEFECTS.includes(error.code)) {
    logger.error({ requestId, operationId, code: error.code, err: error.cause ?? error }, error.message);
  }
  const line = {
    requestId,
    protocol,
    http: answer.httpVersion,
    method: answer.method,
    path: answer.path,
    operationId,
    status: answer.status,
    code: error?.code ?? (isProtocolError(report) ? "malformed" : undefined),
    durationMs: Math.round(durationMs * 10) / 10,
    keyPrefix,
    clientAddress,
    traceId,
    aborted: answer.isAborted ? true : undefined,
  };
  logger[protocol === "probe" ? "debug" : level](line, "request");
}

/** The protocol's handler refused the message (a broken frame, a broken message) in its own words. */
export function isProtocolError({ protocol, reached }: RequestReport): boolean {
  return !reached && (protocol === "grpc" || protocol === "grpc-web" || protocol === "connect");
}

/** The client had not got all of the answer when the connection or stream ended. */
export function isAborted(res: NodeResponse): boolean {
  // In HTTP/2 a reset also ends the writable side.
  return "stream" in res ? res.stream.rstCode !== 0 : !res.writableFinished;
}
