import type { Writable } from "node:stream";
import { create, type DescMessage, type Message, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { createContextValues, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import { AppError } from "../../core/error.js";
import { callKey, httpStatusKey, type Call } from "../admission/call.js";
import type { HttpBody } from "../../../gen/google/api/httpbody_pb.js";
import { getField } from "../../json-form/fields.js";
import type { PendingAnswer } from "../http/answer-memory.js";
import type { RestContext, RestOutcome } from "./rest-contract.js";
import { headerOf, headersOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { shuttingDown } from "../http/observed-method.js";
import { answerBytes, answerJson, isGone } from "../http/answer.js";
import type { RestMethod, Route } from "./routes.js";
import { bytesFormat, streamFormat, streamHeaders } from "./stream-format.js";
import { writeStream } from "./stream.js";
import { writeField, writeMessage } from "../../json-form/write.js";

/** A request that is admitted and bound. */
export interface Invocation {
  readonly route: Route;
  readonly message: MessageShape<DescMessage>;
  readonly call: Call;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly context: RestContext;
  readonly pending: PendingAnswer;
}

type Unary = Extract<RestMethod, { kind: "unary" }>;
type Streaming = Extract<RestMethod, { kind: "server_streaming" }>;

/**
 * Calls the method and writes its answer: the operation's success status unless the method set another, and the headers that the
 * method set. Its signal is aborted when the client goes away; for streams and held polls also at shutdown, while other calls end
 * by themselves.
 *
 * Throws what the method throws before anything was written.
 */
export async function invoke(invocation: Invocation): Promise<RestOutcome> {
  const { route, res } = invocation;
  const gone = new AbortController();
  const onClose = () => gone.abort(new AppError("cancelled", "the client closed the request"));
  // The close of an answer that is over is no loss.
  if (isGone(res)) onClose();
  else res.once("close", onClose);
  const handlerContext = contextOf(invocation, gone.signal);
  try {
    const { spec } = route;
    if (spec.kind === "unary") return await answerOne(spec, invocation, handlerContext);
    return await answerStream(spec, invocation, handlerContext, gone.signal);
  } finally {
    res.off("close", onClose);
    handlerContext.abort(new AppError("cancelled", "the call is over"));
  }
}

function contextOf({ route, call, req, context }: Invocation, requestSignal: AbortSignal) {
  const { method } = route.spec;
  const isHeld = route.spec.kind !== "unary" || route.operation.runtimeTraffic;
  return createHandlerContext({
    service: method.parent,
    method,
    protocolName: "rest",
    requestMethod: req.method ?? "",
    url: req.url ?? "",
    requestHeader: headersOf(req),
    requestSignal,
    ...(isHeld ? { shutdownSignal: context.shutdownSignal } : {}),
    contextValues: createContextValues().set(callKey, call),
  });
}

async function answerOne(
  spec: Unary,
  { route, message, req, res, pending }: Invocation,
  context: HandlerContext,
): Promise<RestOutcome> {
  const response = create(spec.method.output, await spec.impl(message, context));
  const { responseField } = route;
  const status = statusOf(route, context);
  const hasBody = status !== 204 && status !== 304;
  const headers = Object.fromEntries(context.responseHeader);
  if (route.isHttpBody && hasBody) {
    const body = (responseField === undefined ? response : getField(response, responseField)) as HttpBody | undefined;
    const type = body?.contentType || route.operation.mediaType;
    pending.hold(answerBytes(req, res, status, { ...headers, "content-type": type }, body?.data ?? new Uint8Array()));
    return { status };
  }
  const json =
    responseField === undefined
      ? () => writeMessage(spec.method.output, response)
      : () => writeField(responseField, response);
  const bytes = answerJson(req, res, status, headers, hasBody ? json() : undefined);
  pending.hold(bytes);
  return { status };
}

async function answerStream(
  spec: Streaming,
  { route, message, req, res, context: { requestId, shutdownSignal } }: Invocation,
  context: HandlerContext,
  gone: AbortSignal,
): Promise<RestOutcome> {
  const { output } = spec.method;
  const { bytesField, responseField, operation } = route;
  const format =
    bytesField === undefined
      ? streamFormat(headerOf(req, "accept"), { desc: output, responseField, isMember: operation.eventDataIsMember })
      : bytesFormat(bytesField, operation.mediaType);
  const messages = messagesOf(output, spec.impl(message, context), shutdownSignal);
  const out: Writable = res;
  const begin = () => {
    res.statusCode = statusOf(route, context);
    for (const [name, value] of context.responseHeader) res.setHeader(name, value);
    for (const [name, value] of Object.entries(streamHeaders(format))) res.setHeader(name, value);
  };
  const error = await writeStream(messages, { out, format, requestId, begin, gone });
  return { status: statusOf(route, context), error };
}

/** As in the other protocols, a stream that returns because the server shuts down ends with an error: its client reconnects. */
async function* messagesOf(
  desc: DescMessage,
  stream: AsyncIterable<MessageInitShape<DescMessage>>,
  shutdownSignal: AbortSignal,
): AsyncGenerator<Message> {
  for await (const init of stream) yield create(desc, init);
  if (shutdownSignal.aborted) throw shuttingDown();
}

function statusOf({ operation }: Route, context: HandlerContext): number {
  return context.values.get(httpStatusKey) ?? operation.successStatus;
}
