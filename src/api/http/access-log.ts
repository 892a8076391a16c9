import type { Logger } from "pino";
import type { AppError } from "../../core/error.js";
import { pathOf, type NodeRequest, type NodeResponse } from "./node-http.js";
import type { RequestReport } from "./request-outcome.js";

/** Errors of the server itself, which its operator must look at. */
const DEFECTS: readonly AppError["code"][] = ["internal", "data_loss", "signing_failed"];

/**
 * Writes one line for a request that is over: never a header, a query or a secret. A defect gets a line of its own before, at level
 * error, with the cause, which is logged nowhere else.
 */
export function logRequest(
  logger: Logger,
  req: NodeRequest,
  res: NodeResponse,
  report: RequestReport,
  durationMs: number,
  level: "info" | "debug" = "info",
): void {
  const { requestId, clientAddress, protocol, operationId, keyPrefix, keyName, traceId, error } = report;
  if (error !== undefined && DEFECTS.includes(error.code)) {
    logger.error({ requestId, operationId, code: error.code, err: error.cause ?? error }, error.message);
  }
  const line = {
    requestId,
    protocol,
    http: req.httpVersion,
    method: req.method ?? "",
    path: pathOf(req),
    operationId,
    status: res.statusCode,
    code: error?.code ?? (isProtocolError(report) ? "malformed" : undefined),
    durationMs: Math.round(durationMs * 10) / 10,
    keyPrefix,
    keyName: keyName ?? undefined,
    clientAddress,
    traceId,
    aborted: isAborted(res) ? true : undefined,
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
