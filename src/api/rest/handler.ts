import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import {
  createContextValues,
  createHandlerContext,
  type HandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import { AppError } from "../../core/error.js";
import type { Admission } from "../admission.js";
import { callKey, httpStatusKey, type Call } from "../call.js";
import { toAppError } from "../errors.js";
import type { RestContext, RestHandler, RestOutcome } from "../http/dispatch.js";
import { endWith, headerOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { bindRequest } from "./bind.js";
import { readText } from "./body.js";
import { errorBody, errorHeaders, plainErrorBody, type ErrorBody } from "./error-body.js";
import { parseTarget, splitPath } from "./path.js";
import { collectRoutes, type Route } from "./routes.js";
import { streamFormat, writeChunk } from "./stream.js";
import { createTrie, type RouteTrie } from "./trie.js";
import { writeField, writeMessage } from "./write.js";

export interface RestOptions {
  /** Guarded (guard.ts). */
  readonly methods: readonly MethodImplSpec[];
  readonly admission: Admission;
  readonly maxBodyBytes: number;
}

/** One request on its way. */
interface Exchange {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly context: RestContext;
}

/**
 * The REST mapping of every method that has a google.api.http annotation. Throws an Error at start-up when routes conflict or cannot
 * be served. It has no access rule, validation or error table of its own.
 */
export function createRestHandler(options: RestOptions): RestHandler {
  const trie = createTrie(collectRoutes(options.methods));
  return async (req, res, context) => {
    const exchange = { req, res, context };
    let call: Call | undefined;
    try {
      const found = route(trie, exchange);
      if (found === null) return { status: res.statusCode };
      call = await options.admission.admit(
        found.route.spec.method,
        { ...context, rawHeaders: req.rawHeaders, onRate: (state) => context.onRate(state) },
        found.values.get("org_id"),
      );
      await serve(options, exchange, found, call);
      return outcome(call, res.statusCode);
    } catch (thrown) {
      const error = toAppError(thrown);
      answerError(exchange, error);
      return { ...outcome(call, res.statusCode), error };
    }
  };
}

interface Found {
  readonly route: Route;
  readonly values: ReadonlyMap<string, string>;
  readonly query: string;
}

/** Null when the request is answered: nobody serves the path, or not with this HTTP method. */
function route(trie: RouteTrie<Route>, { req, res, context }: Exchange): Found | null {
  const { path, query } = parseTarget(req.url ?? "");
  const segments = splitPath(path);
  const found = segments === undefined ? { kind: "unknown_path" as const } : trie.find(req.method ?? "", segments);
  switch (found.kind) {
    case "match":
      return { route: found.entry, values: found.values, query };
    case "unknown_path":
      answerJson(res, 404, plainErrorBody(404, "Not Found", "there is nothing at this path", context.requestId), req);
      return null;
    case "other_methods": {
      const allow = found.allow.join(", ");
      const message = `${req.method ?? ""} is not allowed here, only ${allow}`;
      res.setHeader("Allow", allow);
      answerJson(res, 405, plainErrorBody(405, "Method Not Allowed", message, context.requestId), req);
      return null;
    }
  }
}

async function serve(options: RestOptions, exchange: Exchange, found: Found, call: Call): Promise<void> {
  const { req, res, context } = exchange;
  const { spec } = found.route;
  const gone = new AbortController();
  res.once("close", () => gone.abort(new AppError("cancelled", "the caller went away")));
  const body = await readText(req, options.maxBodyBytes);
  const request = bindRequest(found.route, { pathValues: found.values, query: found.query, body });
  const handlerContext = createHandlerContext({
    service: spec.method.parent,
    method: spec.method,
    protocolName: "rest",
    requestMethod: req.method ?? "",
    url: `http://${headerOf(req, "host") ?? ""}${req.url ?? ""}`,
    requestHeader: headersOf(req),
    requestSignal: gone.signal,
    ...(isHeld(found.route) ? { shutdownSignal: context.shutdownSignal } : {}),
    contextValues: createContextValues().set(callKey, call),
  });
  try {
    if (spec.kind === "unary") await serveUnary(exchange, found.route, request, handlerContext);
    else await serveStream(exchange, found.route, request, handlerContext, gone.signal);
  } finally {
    handlerContext.abort();
  }
}

/** A shutdown ends streams and held polls; the other calls are short and end by themselves within the grace time. */
function isHeld({ spec, operation }: Route): boolean {
  return spec.kind === "server_streaming" || operation.runtimeTraffic;
}

async function serveUnary(
  { req, res }: Exchange,
  { spec, operation, responseField }: Route,
  request: MessageShape<DescMessage>,
  context: HandlerContext,
): Promise<void> {
  if (spec.kind !== "unary") throw new Error("not unary");
  const { output } = spec.method;
  const response: Message = create(output, await spec.impl(request, context));
  copyHeaders(context.responseHeader, res);
  const status = context.values.get(httpStatusKey) ?? operation.successStatus;
  if (status === 204 || status === 304) {
    endWith(res, status, {});
    return;
  }
  const text = responseField === undefined ? writeMessage(response, output) : writeField(response, responseField);
  answerText(res, status, text, req);
}

async function serveStream(
  exchange: Exchange,
  { spec, operation }: Route,
  request: MessageShape<DescMessage>,
  context: HandlerContext,
  signal: AbortSignal,
): Promise<void> {
  if (spec.kind !== "server_streaming") throw new Error("not a stream");
  const { req, res } = exchange;
  const { output } = spec.method;
  const format = streamFormat(headerOf(req, "accept"));
  try {
    for await (const message of spec.impl(request, context)) {
      if (!res.headersSent) {
        copyHeaders(context.responseHeader, res);
        res.statusCode = operation.successStatus;
        res.setHeader("Content-Type", format.contentType);
        res.setHeader("Cache-Control", "no-store");
        // A proxy that gathers a stream before it passes it on would hold every push back.
        res.setHeader("X-Accel-Buffering", "no");
      }
      await writeChunk(res, format.message(create(output, message), output), signal);
    }
    res.end();
  } catch (thrown) {
    if (!res.headersSent) throw thrown;
    const error = toAppError(thrown);
    if (!signal.aborted) {
      await writeChunk(res, format.error(JSON.stringify(errorBody(error, exchange.context.requestId))), signal);
      res.end();
    }
    throw thrown;
  }
}

function answerError({ req, res, context }: Exchange, error: AppError): void {
  if (res.headersSent || res.destroyed) return;
  for (const [name, value] of Object.entries(errorHeaders(error))) res.setHeader(name, value);
  const body = errorBody(error, context.requestId);
  answerJson(res, body.status, body, req);
}

function answerJson(res: NodeResponse, status: number, body: ErrorBody, req: NodeRequest): void {
  res.setHeader("Cache-Control", "no-store");
  answerText(res, status, JSON.stringify(body), req);
}

function answerText(res: NodeResponse, status: number, text: string, req: NodeRequest): void {
  const bytes = Buffer.from(text);
  const headers = { "content-type": "application/json", "content-length": String(bytes.byteLength) };
  endWith(res, status, headers, req.method === "HEAD" ? undefined : bytes);
}

function headersOf(req: NodeRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}

function copyHeaders(from: Headers, res: NodeResponse): void {
  from.forEach((value, name) => res.setHeader(name, value));
}

function outcome(call: Call | undefined, status: number): RestOutcome {
  if (call === undefined) return { status };
  return { operationId: call.operation.id, keyPrefix: call.principal.keyPrefix, status };
}
