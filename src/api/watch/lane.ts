import {
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { createContextValues } from "@connectrpc/connect";
import { createAsyncIterable, type UniversalHandler } from "@connectrpc/connect/protocol";
import type { Logger } from "pino";
import type { Tracing } from "../../core/trace.js";
import type { Admission, RateState } from "../admission/admission.js";
import { callKey, type Call } from "../admission/call.js";
import { toAppError } from "../admission/errors.js";
import { logAnswer } from "../http/access-log.js";
import type { BodyMemory } from "../http/body-memory.js";
import type { ClientAddressOf } from "../http/client-address.js";
import { connectionOf } from "../http/connection.js";
import { clampDeadline } from "../rpc/deadline.js";
import { headersOf, requestIdOf } from "../http/node-http.js";
import { readBytes } from "../http/read-body.js";
import { finishedRequest, type RequestObserver } from "../http/request-observer.js";
import { messageKey, reportKey, type RequestReport } from "../http/request-report.js";
import { bringsTrace } from "../http/request-trace.js";
import { refuse, respond } from "../rpc/rpc-answer.js";
import type { StreamLane } from "../listener/stream-lane.js";
import { strictBody, type StrictBody } from "../rpc/strict-body.js";
import { ENVELOPE_BYTES, wireFormOf, type WireForm } from "../http/wire-form.js";
import type { ScanJsonFor } from "../http/scan-json.js";
import { WATCH } from "../http/watch-handler.js";
import type { StreamingWatchHandler } from "./watch-handler.js";
import { negotiate, onlyMessage, type Negotiated } from "./negotiate.js";
import { watchRequest } from "../methods/watch-request.js";
import { StreamSink } from "./stream-sink.js";

export interface WatchLaneOptions {
  readonly door: StreamingWatchHandler;
  readonly admission: Admission;
  /** WatchBundle's, for what is out of the ordinary. */
  readonly handler: UniversalHandler;
  readonly maxBytes: number;
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyMemory: BodyMemory;
  readonly scan: ScanJsonFor;
  readonly clientAddressOf: ClientAddressOf;
  readonly observer: RequestObserver;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** An RPC of this lane. */
interface Ride {
  readonly stream: ServerHttp2Stream;
  readonly header: Headers;
  readonly path: string;
  readonly form: WireForm;
  readonly negotiated: Negotiated;
  readonly common: OutgoingHttpHeaders;
  readonly call: Call;
  readonly report: RequestReport;
}

const NO_QUERY = new URLSearchParams();

/**
 * The short way for WatchBundle over HTTP/2: for what most of a fleet sends, a plain request with a token that is in memory. Anything
 * else goes the common way, through dispatch.ts, connect.ts and the same door.
 */
export function createWatchLane(options: WatchLaneOptions): StreamLane {
  const path = options.handler.requestPath;
  return (stream, headers, rawHeaders) => {
    if (headers[":path"] !== path || headers[":method"] !== "POST") return false;
    if (headers.origin !== undefined || headers.expect !== undefined) return false;
    if (bringsTrace(options.tracing, { headers })) return false;
    const form = wireFormOf(WATCH, "POST", headers["content-type"], NO_QUERY);
    if (typeof form === "string") return false;
    const header = headersOf({ rawHeaders: rawHeaders as string[] });
    clampDeadline(header);
    const negotiated = negotiate(form, header);
    if (negotiated === undefined) return false;
    const clientAddress = options.clientAddressOf({ headers, socket: stream.session?.socket });
    const report = reportOf(clientAddress, headers, form);
    const common: OutgoingHttpHeaders = {
      "x-request-id": report.requestId,
      "x-content-type-options": "nosniff",
      ...options.headers,
    };
    const { requestId } = report;
    const onRate = (state: RateState) => Object.assign(common, rateHeaders(state));
    const connection = connectionOf(stream.session);
    const call = options.admission.admitKnown(WATCH, { requestId, clientAddress, connection, rawHeaders, onRate });
    if (call === undefined) return false;
    report.operationId = call.operation.id;
    report.keyPrefix = call.principal.keyPrefix;
    tellWhenOver(options, stream, path, report);
    void ride(options, { stream, header, path, form, negotiated, common, call, report });
    return true;
  };
}

function reportOf(clientAddress: string, headers: IncomingHttpHeaders, { protocol }: WireForm): RequestReport {
  return {
    requestId: requestIdOf({ headers }),
    clientAddress,
    protocol,
    operationId: undefined,
    keyPrefix: undefined,
    error: undefined,
    isStream: true,
    traceId: undefined,
    reached: false,
  };
}

function tellWhenOver(
  { logger, observer }: WatchLaneOptions,
  stream: ServerHttp2Stream,
  path: string,
  report: RequestReport,
): void {
  const startedMs = performance.now();
  stream.once("close", () => {
    const answer = { httpVersion: "2.0", method: "POST", path, status: 200, isAborted: stream.rstCode !== 0 };
    const durationMs = performance.now() - startedMs;
    // After whoever else hears of the close and knows how the watch ended.
    setImmediate(() => {
      logAnswer(logger, answer, report, durationMs);
      observer.finished(finishedRequest(report, answer, durationMs));
    });
  });
}

function rateHeaders({ limit, remaining, resetSeconds }: RateState): OutgoingHttpHeaders {
  return {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(resetSeconds),
  };
}

async function ride(options: WatchLaneOptions, request: Ride): Promise<void> {
  const { door, handler } = options;
  const { stream, header, form, negotiated, common, call, report } = request;
  try {
    const checked = await checkedBody(options, request);
    const message = onlyMessage(checked.body, checked.message);
    if (message === undefined) {
      await answerGenerically(handler, request, checked);
      return;
    }
    report.reached = true;
    await door.open(
      negotiated,
      call,
      () => watchRequest(message, header, call),
      report,
      (events) => {
        return new StreamSink(stream, common, events);
      },
    );
  } catch (thrown) {
    refuse(responseOf(request), form, report, toAppError(thrown));
  }
}

async function checkedBody(
  { maxBytes, bodyMemory, scan }: WatchLaneOptions,
  { stream, header, form, call }: Ride,
): Promise<StrictBody> {
  using share = bodyMemory.open(call.principal);
  const announced = Number(header.get("content-length") ?? 0);
  const maxBodyBytes = maxBytes + (form.enveloped ? ENVELOPE_BYTES : 0);
  const body = await readBytes(stream, announced, {
    ...{ maxBytes: maxBodyBytes, share },
    refused: () => stream.resume(),
  });
  return await strictBody(WATCH.input, form, header, body, { maxBytes, share, scan: scan(call.principal) });
}

/** The protocol's own handler has words for frames and messages that are not what they should be. */
async function answerGenerically(
  handler: UniversalHandler,
  request: Ride,
  { body, message }: StrictBody,
): Promise<void> {
  const { stream, header, path, call, report } = request;
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  const contextValues = createContextValues().set(reportKey, report).set(callKey, call);
  contextValues.set(messageKey, message);
  const url = `http://${header.get("host") ?? "signet"}${path}`;
  await respond(
    handler,
    {
      ...{ httpVersion: "2.0", method: "POST", url, header, contextValues },
      body: createAsyncIterable([body]),
      signal: gone.signal,
    },
    responseOf(request),
  );
}

/** Node's own response, for an answer that is over at once. */
function responseOf({ stream, common }: Ride): Http2ServerResponse {
  const res = new Http2ServerResponse(stream);
  for (const [name, value] of Object.entries(common)) if (typeof value === "string") res.setHeader(name, value);
  return res;
}
