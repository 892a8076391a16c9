import { createRegistry, type DescMethod } from "@bufbuild/protobuf";
import { createConnectRouter, createContextValues, type ContextValues, type MethodImplSpec } from "@connectrpc/connect";
import { createAsyncIterable, type UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import { AppError } from "../../core/error.js";
import type { Admission, RateState } from "../admission.js";
import { callKey } from "../call.js";
import { toAppError } from "../errors.js";
import type { ScanJson } from "../scan-json.js";
import { operationOf } from "../operations.js";
import { WATCH, type WatchDoor } from "../watch/door.js";
import { answerError } from "../rest/answer.js";
import { errorAnswer, methodNotAllowed, type ErrorAnswer } from "../rest/error-body.js";
import { requestConnection } from "./connections.js";
import { clampDeadline } from "./deadline.js";
import { closeUnread } from "./leftover-body.js";
import { headerOf, headersOf, type NodeRequest, type NodeResponse } from "./node-http.js";
import { observeMethod } from "./observed-method.js";
import { readBody } from "./read-body.js";
import { reportKey, type RequestReport } from "./request-report.js";
import { refuse, respond } from "./rpc-answer.js";
import { checkQuery, COMPRESSIONS, strictBody } from "./strict-body.js";
import { allowedMethods, ENVELOPE_BYTES, wireFormOf, type WireForm } from "./wire-form.js";

/** What a message may have on top of the largest policy document: its other fields, and the frame's head. */
const MESSAGE_SLACK_BYTES = 64 * 1024;

/** Requests to health and reflection are names. They come without a token, so they may not cost more. */
const PUBLIC_MAX_BYTES = 4 * 1024;

export interface RpcOptions {
  /** Guarded (guard.ts); behind admission. */
  readonly methods: readonly MethodImplSpec[];
  /** Health and reflection: for everybody. */
  readonly publicMethods: readonly MethodImplSpec[];
  readonly admission: Admission;
  readonly maxBodyBytes: number;
  readonly scan: ScanJson;
  /** Serves watches in place of their generic handler; null serves them with it. */
  readonly watch: WatchDoor | null;
  /** Aborted when the server begins to shut down. */
  readonly shutdownSignal: AbortSignal;
}

/** What a request brings along from the dispatcher. */
export interface RpcContext {
  readonly report: RequestReport;
  readonly onRate: (state: RateState) => void;
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
  /** Answers a request; `refused` is why before anything else is looked at. Resolves when the answer has begun. Never rejects. */
  handle(route: RpcRoute, req: NodeRequest, res: NodeResponse, context: RpcContext, refused?: AppError): Promise<void>;
}

/** Mounts methods for all three protocols. Throws when a method has no operation: such a server must not start. */
export function createRpcHandler(options: RpcOptions): RpcHandler {
  const routes = new Map<string, RpcRoute>();
  const mount = (spec: MethodImplSpec, isPublic: boolean) => {
    const { parent, name } = spec.method;
    const operationId = isPublic ? `${parent.typeName}/${name}` : operationOf(spec.method).id;
    const maxBytes = isPublic ? PUBLIC_MAX_BYTES : options.maxBodyBytes + MESSAGE_SLACK_BYTES;
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
    // A google.protobuf.Any can be written as JSON only by who knows its type.
    jsonOptions: { registry: createRegistry(method.parent.file) },
    ...(held ? { shutdownSignal } : {}),
  });
  const [handler] = router.rpc(method, impl as never).handlers;
  if (handler === undefined) throw new Error(`${method.name} has no handler`);
  return handler;
}

async function handleRpc(
  { admission, scan, watch }: Pick<RpcOptions, "admission" | "scan" | "watch">,
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
    if (!route.public) await admit(admission, route, req, context, values);
    if (form.get && form.json) checkQuery(query);
    await invoke(route, form, req, res, values, scan, route.handler.method === WATCH ? watch : null);
  } catch (thrown) {
    refuse(res, form, report, toAppError(thrown));
  }
}

async function admit(
  admission: Admission,
  route: RpcRoute,
  req: NodeRequest,
  { report, onRate }: RpcContext,
  values: ContextValues,
): Promise<void> {
  const { requestId, clientAddress } = report;
  const call = await admission.admit(route.handler.method, {
    requestId,
    clientAddress,
    connection: requestConnection(req),
    rawHeaders: req.rawHeaders,
    onRate,
  });
  report.keyPrefix = call.principal.keyPrefix;
  values.set(callKey, call);
}

async function invoke(
  route: RpcRoute,
  form: WireForm,
  req: NodeRequest,
  res: NodeResponse,
  values: ContextValues,
  scan: ScanJson,
  watch: WatchDoor | null,
): Promise<void> {
  if (watch !== null) {
    await invokeWatch(route, form, req, res, values, scan, watch);
    return;
  }
  const request = universalRequest(req, res, values);
  clampDeadline(request.header);
  if (!form.get && !streamsRequests(route.handler.method)) {
    const body = await readBody(req, bodyLimit(route, form));
    const checked = await strictBody(route.handler.method.input, form, request.header, body, route.maxBytes, scan);
    request.body = createAsyncIterable([checked]);
  }
  await respond(route.handler, request, res);
}

/** Without the generic request, which would be held as long as the stream is; made only when the generic handler is to answer. */
async function invokeWatch(
  route: RpcRoute,
  form: WireForm,
  req: NodeRequest,
  res: NodeResponse,
  values: ContextValues,
  scan: ScanJson,
  watch: WatchDoor,
): Promise<void> {
  const header = headersOf(req);
  clampDeadline(header);
  const body = await readBody(req, bodyLimit(route, form));
  const checked = await strictBody(route.handler.method.input, form, header, body, route.maxBytes, scan);
  const call = values.get(callKey);
  const report = values.get(reportKey);
  if (call !== undefined && report !== undefined) {
    if (await watch.rpc({ form, header, body: checked, call, report, res })) return;
  }
  const request = universalRequest(req, res, values);
  await respond(route.handler, { ...request, header, body: createAsyncIterable([checked]) }, res);
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
    throw new AppError("malformed", "the request's target or host is no URL", { cause });
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
