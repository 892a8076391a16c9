import type { Logger } from "pino";
import { NO_SPAN, type Tracing } from "../core/trace.js";
import type { RateState } from "./admission/admission.js";
import { toAppError } from "./admission/error-status.js";
import { errorAnswer } from "./http/error-body.js";
import { isAborted, logRequest } from "./http/access-log.js";
import type { ClientAddressOf } from "./http/client-address.js";
import type { RpcHandler } from "./rpc/connect.js";
import { answerError, commonHeaders, rateHeaders, setHeaders } from "./http/answer.js";
import type { CorsPolicy } from "./http/cors.js";
import { closeUnread } from "./http/drain-body.js";
import { METRICS_PATH, type MetricsPage } from "./http/metrics-page.js";
import { pathOf, requestIdOf, type NodeRequest, type NodeResponse, type RequestListener } from "./http/node-http.js";
import type { Pages } from "./pages/pages.js";
import type { Polls } from "./poll/polls.js";
import { SESSION_PATH, type SessionEndpoint } from "./session/session-endpoint.js";
import type { SessionCookies } from "./session/session-cookies.js";
import type { Probes } from "./http/probes.js";
import { finishedRequest, type RequestObserver } from "./http/request-observer.js";
import { createReport, type RequestReport } from "./http/request-outcome.js";
import type { RestHandler } from "./rest/rest-contract.js";
import { endRequestSpan, startRequestSpan } from "./http/request-trace.js";

/** The handlers between which dispatch chooses. */
export interface DispatchOptions {
  /** Answers polls from memory; null leaves all of them to the REST mapping. */
  readonly polls: Polls | null;
  readonly probes: Probes;
  readonly pages: Pages;
  readonly cors: CorsPolicy;
  readonly rpc: RpcHandler;
  readonly rest: RestHandler;
  readonly metrics: MetricsPage;
  /** Sessions of the console; null without it. */
  readonly consoleSessions: { readonly endpoint: SessionEndpoint; readonly cookies: SessionCookies } | null;
  readonly observer: RequestObserver;
  readonly tracing: Tracing;
  readonly shutdownSignal: AbortSignal;
  readonly logger: Logger;
  readonly clientAddressOf: ClientAddressOf;
}

/**
 * Routes each request: probes, then CORS, then files, then metrics and RPC by path, else REST. Sets X-Request-Id and
 * what every answer has, and reports each request that is over: its one log line, its figures, its step in a trace.
 */
export function createDispatch(options: DispatchOptions): RequestListener {
  const { probes, observer, tracing, logger } = options;
  return (req, res) => {
    const clientAddress = options.clientAddressOf(req);
    if (options.polls?.answer(req, res, clientAddress) === true) return;
    const startedMs = performance.now();
    const requestId = requestIdOf(req);
    const span = probes.has(pathOf(req)) ? NO_SPAN : startRequestSpan(tracing, req, requestId);
    const report = createReport({ requestId, clientAddress, protocol: "http", traceId: span.traceId ?? undefined });
    setHeaders(res, commonHeaders(requestId));
    // The answer has closed, and its handler has said all it knows.
    let left = 2;
    const over = () => {
      left -= 1;
      if (left > 0) return;
      const durationMs = performance.now() - startedMs;
      const finished = finishedRequest(report, { status: res.statusCode, isAborted: isAborted(res) }, durationMs);
      logRequest(logger, req, res, report, durationMs);
      observer.finished(finished);
      endRequestSpan(span, report, finished);
    };
    res.on("close", over);
    void tracing
      .run(span, () => answer(options, req, res, report))
      .catch((thrown: unknown) => {
        report.error = toAppError(thrown);
        answerError(req, res, errorAnswer(report.error, requestId));
      })
      .then(over);
  };
}

async function answer(
  { probes, pages, cors, rpc, rest, metrics, consoleSessions, shutdownSignal }: DispatchOptions,
  req: NodeRequest,
  res: NodeResponse,
  report: RequestReport,
): Promise<void> {
  const { requestId, clientAddress } = report;
  const path = pathOf(req);
  if (probes.has(path)) {
    report.protocol = "probe";
    await probes.answer(path, req, res, requestId);
    return;
  }
  const verdict = cors.check(req, res);
  if (verdict.kind === "answered") return;
  const refused = verdict.kind === "refused" ? verdict.error : undefined;
  const onRate = (state: RateState) => setHeaders(res, rateHeaders(state));
  if (consoleSessions !== null && path === SESSION_PATH) {
    closeUnread(res);
    if (refused !== undefined) throw refused;
    await consoleSessions.endpoint.answer(req, res, report, onRate);
    return;
  }
  if (pages.has(path, req)) {
    closeUnread(res);
    pages.answer(path, req, res, requestId);
    return;
  }
  const session = consoleSessions === null ? {} : { session: () => consoleSessions.cookies.read(req) };
  if (path === METRICS_PATH) {
    closeUnread(res);
    if (refused !== undefined) throw refused;
    await metrics.answer(req, res, report, { onRate, ...session });
    return;
  }
  const route = rpc.find(path);
  if (route !== undefined) {
    await rpc.handle(route, req, res, { report, onRate, ...session }, refused);
    return;
  }
  report.protocol = "rest";
  closeUnread(res);
  if (refused !== undefined) throw refused;
  const outcome = await rest(req, res, { requestId, clientAddress, onRate, ...session, report, shutdownSignal });
  report.operationId = outcome.operationId;
  report.keyPrefix = outcome.keyPrefix;
  report.keyName = outcome.keyName;
  report.isStream = outcome.isStream ?? false;
  if (outcome.error !== undefined) report.error = toAppError(outcome.error);
}
