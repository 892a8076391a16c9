import { createRegistry, type DescMethod } from "@bufbuild/protobuf";
import { createConnectRouter, createContextValues, type ContextValues, type MethodImplSpec } from "@connectrpc/connect";
import { createAsyncIterable, type UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { AppError } from "../../core/error.js";
import type { Admission, RateState, RequestHead } from "../admission/admission.js";
import { callKey } from "../admission/call.js";
import { toAppError } from "../admission/error-status.js";
import type { ScanJsonFor } from "../http/scan-json.js";
import { operationOf } from "../admission/operations.js";
import { maxMessageBytesOf } from "../admission/request-size.js";
import { WATCHES, type WatchHandler } from "../http/watch-contract.js";
import { answerError } from "../http/answer.js";
import { errorAnswer, methodNotAllowed, type ErrorAnswer } from "../http/error-body.js";
import type { AnswerMemory } from "../http/answer-memory.js";
import type { BodyMemory, BodyShare } from "../http/body-memory.js";
import { requestConnection } from "../http/connection.js";
import { clampDeadline } from "./deadline.js";
import { closeUnread } from "../http/drain-body.js";
import { headerOf, headersOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { observeMethod } from "../http/observed-method.js";
import { chunksOf, readBody } from "../http/read-body.js";
import { messageKey, reportKey, type RequestReport } from "../http/request-outcome.js";
import { refuse, respond } from "./rpc-answer.js";
import { checkQuery, COMPRESSIONS, strictBody, type StrictBody } from "./strict-body.js";
import { allowedMethods, ENVELOPE_BYTES, wireFormOf, type WireForm } from "../http/wire-form.js";

/** Requests to health and reflection are names. They come without a token, so they may not cost more. */
const PUBLIC_MAX_BYTES = 4 * 1024;

/** The methods behind RPC, and the limits of requests. */
export interface RpcOptions {
  /** Guarded (guard.ts); behind admission. */
  readonly methods: readonly MethodImplSpec[];
  /** Health and reflection: for everybody. */
  readonly publicMethods: readonly MethodImplSpec[];
  readonly admission: Admission;
  readonly maxBodyBytes: number;
  readonly bodyMemory: BodyMemory;
  readonly answerMemory: AnswerMemory;
  readonly scan: ScanJsonFor;
  /** Serves watches; null leaves them to the protocols' own handlers. */
  readonly watch: WatchHandler | null;
  /** Aborted when the server begins to shut down. */
  readonly shutdownSignal: AbortSignal;
}

/** What a request brings along from the dispatcher. */
export interface RpcContext {
  readonly report: RequestReport;
  readonly onRate: (state: RateState) => void;
  /** As in RequestHead. Not for gRPC, which no browser speaks. */
  readonly session?: RequestHead["session"];
}

/** One method at its path. */
export interface RpcRoute {
  readonly handler: UniversalHandler;
  /** As in logs: from the proto, or service and method for what has none. */
  readonly operationId: string;
  readonly public: boolean;
  readonly maxBytes: number;
}

/** gRPC, gRPC-Web and Connect. */
export interface RpcHandler {
  /** The method at a path such as `/signet.v1.BundleService/PublishBundle`. */
  find(path: string): RpcRoute | undefined;
  /** Answers a request; `refused` is a reason to refuse it before all other checks. Resolves when the answer has begun. Never rejects. */
  handle(route: RpcRoute, req: NodeRequest, res: NodeResponse, context: RpcContext, refused?: AppError): Promise<void>;
}

/** Mounts methods for all three protocols. Throws when a method has no operation: such a server must not start. */
export function createRpcHandler(options: RpcOptions): RpcHandler {
  const routes = new Map<string, RpcRoute>();
  const mount = (spec: MethodImplSpec, isPublic: boolean) => {
    const { parent, name } = spec.method;
    const operationId = isPublic ? `${parent.typeName}/${name}` : operationOf(spec.method).id;
    const maxBytes = isPublic ? PUBLIC_MAX_BYTES : maxMessageBytesOf(spec.method, options.maxBodyBytes);
    const handler = universalHandler(spec, isPublic, maxBytes, options.shutdownSignal);
    routes.set(handler.requestPath, { handler, operationId, public: isPublic, maxBytes });
  };
  for (const spec of options.publicMethods) mount(spec, true);
  for (const spec of options.methods) mount(spec, false);
  return {
    find: (path) => routes.get(path),
    handle: (route, req, res, context, refused) => handleRpc(options, route, req, res, context, refused),
  };
}

function universalHandler(
  spec: MethodImplSpec,
  isPublic: boolean,
  maxBytes: number,
  shutdownSignal: AbortSignal,
): UniversalHandler {
  const { method, impl } = observeMethod(spec, shutdownSignal);
  // A shutdown ends streams and held polls; the other calls are short and end by themselves within the grace time.
  const held = method.methodKind !== "unary" || (!isPublic && operationOf(method).runtimeTraffic);
  const router = createConnectRouter({
    acceptCompression: [...COMPRESSIONS],
    readMaxBytes: maxBytes,
    binaryOptions: { readUnknownFields: false },
    // A google.protobuf.Any can be written as JSON only with its type at hand.
    jsonOptions: { registry: createRegistry(method.parent.file) },
    ...(held ? { shutdownSignal } : {}),
  });
  const [handler] = router.rpc(method, impl as never).handlers;
  if (handler === undefined) throw new Error(`${method.name} has no handler`);
  return handler;
}

async function handleRpc(
  options: Pick<RpcOptions, "admission" | "scan" | "watch" | "bodyMemory" | "answerMemory">,
  route: RpcRoute,
  req: NodeRequest,
  res: NodeResponse,
  context: RpcContext,
  refused: AppError | undefined,
): Promise<void> {
  const { report } = context;
  const { method } = route.handler;
  closeUnread(res);
  report.operationId = route.operationId;
  report.isStream = method.methodKind !== "unary";
  const query = (req.url ?? "").split("?", 2)[1] ?? "";
  const form = wireFormOf(method, req.method ?? "", headerOf(req, "content-type"), new URLSearchParams(query));
  if (form === "method") {
    answerOutside(req, res, methodNotAllowed(req.method ?? "", allowedMethods(method), report.requestId));
    return;
  }
  if (form === "media_type") {
    answerUnsupported(req, res, report);
    return;
  }
  report.protocol = form.protocol;
  try {
    if (refused !== undefined) throw refused;
    const values = createContextValues().set(reportKey, report);
    if (!route.public) await admit(options.admission, route, form, req, context, values);
    if (form.get) checkQuery(query, route.handler.method.input);
    await invoke({ route, form, req, res, values, ...options });
  } catch (thrown) {
    refuse(res, form, report, toAppError(thrown));
  }
}

async function admit(
  admission: Admission,
  route: RpcRoute,
  form: WireForm,
  req: NodeRequest,
  { report, onRate, session }: RpcContext,
  values: ContextValues,
): Promise<void> {
  const { requestId, clientAddress } = report;
  const call = await admission.admit(route.handler.method, {
    requestId,
    clientAddress,
    connection: requestConnection(req),
    rawHeaders: req.rawHeaders,
    onRate,
    ...(session === undefined || form.protocol === "grpc" ? {} : { session }),
  });
  report.keyPrefix = call.principal.keyPrefix;
  report.keyName = call.principal.tokenName;
  values.set(callKey, call);
}

/** An RPC that may be read. */
interface Invocation extends Pick<RpcOptions, "scan" | "watch" | "bodyMemory" | "answerMemory"> {
  readonly route: RpcRoute;
  readonly form: WireForm;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly values: ContextValues;
}

async function invoke(invocation: Invocation): Promise<void> {
  const { route, form, req, res, values, watch, answerMemory } = invocation;
  if (watch !== null && WATCHES.has(route.handler.method)) {
    await invokeWatch(invocation, watch);
    return;
  }
  const request = universalRequest(req, res, values);
  clampDeadline(request.header);
  const call = values.get(callKey);
  if (streamsRequests(route.handler.method)) {
    request.body = chunksOf(req);
  } else if (!form.get) {
    const share = call === undefined ? null : invocation.bodyMemory.openUntilClose(call.principal, res);
    const { body, message } = await checkedBody(invocation, request.header, share);
    request.body = createAsyncIterable([body]);
    values.set(messageKey, message);
  }
  const { method } = route.handler;
  const isCounted = call !== undefined && method.methodKind === "unary";
  const pending = isCounted ? await answerMemory.begin(call, res) : undefined;
  await respond(route.handler, request, res, pending);
}

/** Without the generic request, which would be held as long as the stream is; made only when the generic handler is to answer. */
async function invokeWatch(invocation: Invocation, watch: WatchHandler): Promise<void> {
  const { route, form, req, res, values } = invocation;
  const header = headersOf(req);
  clampDeadline(header);
  const { body, message } = await readAndLetGo(invocation, header);
  const call = values.get(callKey);
  const report = values.get(reportKey);
  if (call !== undefined && report !== undefined) {
    const { method } = route.handler;
    if (await watch.rpc({ method, form, header, body, message, call, report, res })) return;
  }
  values.set(messageKey, message);
  const request = universalRequest(req, res, values);
  await respond(route.handler, { ...request, header, body: createAsyncIterable([body]) }, res);
}

/** A watch is open for long, and needs nothing of its request any more. */
async function readAndLetGo(invocation: Invocation, header: Headers): Promise<StrictBody> {
  using share = shareOf(invocation);
  return await checkedBody(invocation, header, share);
}

/** Null for methods without a token, whose requests are too small to count. */
function shareOf({ bodyMemory, values }: Invocation): BodyShare | null {
  const call = values.get(callKey);
  return call === undefined ? null : bodyMemory.open(call.principal);
}

async function checkedBody(
  { route, form, req, values, scan: scanFor }: Invocation,
  header: Headers,
  share: BodyShare | null,
): Promise<StrictBody> {
  const { maxBytes, handler } = route;
  const body = await readBody(req, bodyLimit(route, form), share);
  const scan = scanFor(values.get(callKey)?.principal ?? null);
  return await strictBody(handler.method.input, form, header, body, { maxBytes, share, scan });
}

/** The limit is the message's: its envelope comes on top. */
function bodyLimit({ maxBytes }: RpcRoute, form: WireForm): number {
  return maxBytes + (form.enveloped ? ENVELOPE_BYTES : 0);
}

/** Such a body has no end that could be waited for; its messages are read one by one by the handler. */
function streamsRequests({ methodKind }: DescMethod): boolean {
  return methodKind === "bidi_streaming" || methodKind === "client_streaming";
}

function universalRequest(req: NodeRequest, res: NodeResponse, values: ContextValues) {
  try {
    return universalRequestFromNodeRequest(req, res, undefined, values);
  } catch (cause) {
    throw new AppError("malformed", "the request's target or host is not a valid URL", { cause });
  }
}

function answerUnsupported(req: NodeRequest, res: NodeResponse, report: RequestReport): void {
  const given = headerOf(req, "content-type") ?? "none";
  const message = `the content type ${JSON.stringify(given)} is not one of gRPC, gRPC-Web or Connect for this method`;
  const error = new AppError("unsupported_media_type", message);
  report.error = error;
  answerOutside(req, res, errorAnswer(error, report.requestId));
}

/** What is in none of the protocols. As application/json it would claim to be an error of Connect's. */
function answerOutside(req: NodeRequest, res: NodeResponse, error: ErrorAnswer): void {
  answerError(req, res, { ...error, headers: { ...error.headers, "content-type": "application/problem+json" } });
}
