import type { MethodImplSpec } from "@connectrpc/connect";
import { notFound } from "../../core/error.js";
import type { Admission } from "../admission/admission.js";
import type { Call } from "../admission/call.js";
import { toAppError } from "../admission/error-status.js";
import { maxBodyBytesOf } from "../admission/request-size.js";
import type { ScanJsonFor } from "../http/scan-json.js";
import type { AnswerMemory } from "../http/answer-memory.js";
import type { BodyMemory, BodyShare } from "../http/body-memory.js";
import { requestConnection } from "../http/connection.js";
import type { RestContext, RestHandler, RestOutcome } from "./rest-contract.js";
import { headerOf, headersOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { WATCHES, type WatchHandler } from "../http/watch-contract.js";
import { answerError } from "../http/answer.js";
import { bindRequest } from "./bind.js";
import { scanBody, type BodyText } from "./bind-body.js";
import { readBytes, readText, skipBody } from "./body.js";
import { errorAnswer, methodNotAllowed } from "../http/error-body.js";
import { invoke } from "./invoke.js";
import { parseTarget, splitPath } from "./path.js";
import { collectRoutes, type Route } from "./routes.js";
import { createTrie, type RouteTrie } from "./trie.js";

/** The methods behind REST, and the limits of requests and responses. */
export interface RestHandlerOptions {
  /** Guarded. Those without google.api.http are not in REST. */
  readonly methods: readonly MethodImplSpec[];
  readonly admission: Admission;
  /** Of a request body with a document, as sent and decompressed. */
  readonly maxBodyBytes: number;
  readonly bodyMemory: BodyMemory;
  readonly answerMemory: AnswerMemory;
  readonly scan: ScanJsonFor;
  /** Serves watches instead of their method; null serves them with it. */
  readonly watch: WatchHandler | null;
}

/** A request on its way; what is known of it grows. */
interface Exchange {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly context: RestContext;
  operationId?: string;
  keyPrefix?: string;
  keyName?: string | null;
  isStream?: boolean;
}

/**
 * Answers REST requests by the proto's annotations; throws an Error when these are wrong: see `collectRoutes` and `createTrie`.
 *
 * Each request goes through route (404, 405), admission, body, binding and the method, in this order, and the first that fails
 * refuses it: no body is read without permission (api.md, "order of refusals"). What was not read of a body is left to
 * the listener, which throws it away so that its sender reads the answer.
 *
 * The handler never rejects: it tells what was answered. An error after a stream's first message does not change the status.
 */
export function createRestHandler(options: RestHandlerOptions): RestHandler {
  const routes = createTrie(collectRoutes(options.methods));
  return async (req, res, context) => {
    // A write after a disconnect is no failure, but an error event without a listener ends the process.
    res.on("error", () => undefined);
    const exchange: Exchange = { req, res, context };
    let outcome: RestOutcome;
    try {
      outcome = await answer(routes, options, exchange);
    } catch (thrown) {
      const error = toAppError(thrown);
      const wire = errorAnswer(error, context.requestId);
      answerError(req, res, wire);
      outcome = { status: wire.status, error };
    }
    const { operationId, keyPrefix, keyName, isStream } = exchange;
    return { ...outcome, operationId, keyPrefix, keyName, isStream };
  };
}

async function answer(
  routes: RouteTrie<Route>,
  { admission, maxBodyBytes, bodyMemory, answerMemory, scan, watch }: RestHandlerOptions,
  exchange: Exchange,
): Promise<RestOutcome> {
  const { req, res, context } = exchange;
  const httpMethod = req.method ?? "";
  const { path, query } = parseTarget(req.url ?? "");
  const segments = splitPath(path);
  const found = segments && routes.find(httpMethod, segments);
  if (found === undefined || found.kind === "unknown_path") throw notFound("path");
  if (found.kind === "other_methods") {
    const refusal = methodNotAllowed(httpMethod, found.allow, context.requestId);
    answerError(req, res, refusal);
    return { status: refusal.status };
  }
  const { entry: route, values: pathValues } = found;
  const call = await admit(admission, route, pathValues, exchange);
  const share = bodyMemory.openUntilClose(call.principal, res);
  const body = await bodyOf(route, req, maxBodyBytesOf(route.spec.method, maxBodyBytes), share);
  const scanned = await scanBody(body.body, route, scan(call.principal));
  const message = bindRequest(route, { pathValues, query, ...body, scanned });
  const { method } = route.spec;
  if (watch === null || !WATCHES.has(method)) {
    using pending = await answerMemory.begin(call, res);
    return await invoke({ route, message, call, req, res, context, pending });
  }
  const { report } = context;
  await watch.rest({ method, message, header: headersOf(req), call, report, req, res });
  return { status: route.operation.successStatus };
}

async function admit(
  admission: Admission,
  { operation, spec }: Route,
  pathValues: ReadonlyMap<string, string>,
  exchange: Exchange,
): Promise<Call> {
  const { requestId, clientAddress, session } = exchange.context;
  exchange.operationId = operation.id;
  exchange.isStream = spec.kind !== "unary";
  const call = await admission.admit(
    spec.method,
    {
      requestId,
      clientAddress,
      connection: requestConnection(exchange.req),
      rawHeaders: exchange.req.rawHeaders,
      onRate: (state) => exchange.context.onRate(state),
      ...(session === undefined ? {} : { session }),
    },
    pathValues.get("org_id"),
  );
  exchange.keyPrefix = call.principal.keyPrefix;
  exchange.keyName = call.principal.tokenName;
  return call;
}

async function bodyOf({ body }: Route, req: NodeRequest, maxBytes: number, share: BodyShare): Promise<BodyText> {
  if (body.kind === "http_body") {
    const data = await readBytes(req, maxBytes, share);
    return { body: "", httpBody: { contentType: headerOf(req, "content-type") ?? "", data } };
  }
  if (body.kind !== "none") return { body: await readText(req, maxBytes, share) };
  await skipBody(req, maxBytes);
  return { body: "" };
}
