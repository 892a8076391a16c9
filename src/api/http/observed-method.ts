import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type MethodImplSpec } from "@connectrpc/connect";
import { AppError } from "../../core/error.js";
import { toAppError, toConnectError } from "../admission/error-status.js";
import { messageKey, reportKey } from "./request-outcome.js";

/** Why a stream ends when the server does. */
export function shuttingDown(): AppError {
  return new AppError("unavailable", "the server is shutting down");
}

/**
 * Wraps an implementation so that it gets the request that was decoded when its body was checked, and what it throws is in the request's
 * report and leaves as a ConnectError. A stream that returns
 * because the server shuts down ends with `unavailable`, which tells its client to reconnect, and not with success.
 */
export function observeMethod(spec: MethodImplSpec, shutdownSignal: AbortSignal): MethodImplSpec {
  switch (spec.kind) {
    case "unary":
      return {
        ...spec,
        async impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          reached(context);
          try {
            return await beforeDeadline(context.signal, spec.impl(decoded(request, context), context));
          } catch (thrown) {
            throw noted(context, thrown);
          }
        },
      };
    case "server_streaming":
      return {
        ...spec,
        impl: (request: MessageShape<DescMessage>, context: HandlerContext) =>
          observed(context, shutdownSignal, () => spec.impl(decoded(request, context), context)),
      };
    case "bidi_streaming":
      return {
        ...spec,
        impl: (requests: AsyncIterable<MessageShape<DescMessage>>, context: HandlerContext) =>
          observed(context, shutdownSignal, () => spec.impl(requests, context)),
      };
    case "client_streaming":
      return {
        ...spec,
        async impl(requests: AsyncIterable<MessageShape<DescMessage>>, context: HandlerContext) {
          reached(context);
          try {
            return await spec.impl(requests, context);
          } catch (thrown) {
            throw noted(context, thrown);
          }
        },
      };
  }
}

async function* observed<T>(context: HandlerContext, shutdownSignal: AbortSignal, open: () => AsyncIterable<T>) {
  reached(context);
  try {
    yield* open();
    if (isDeadline(context.signal)) throw context.signal.reason;
    if (shutdownSignal.aborted) throw shuttingDown();
  } catch (thrown) {
    throw noted(context, thrown);
  }
}

/** Whether the time that the client gave is what ended it. */
function isDeadline({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

/** At the client's deadline the work continues, but is not awaited: the client is answered in time. */
async function beforeDeadline<T>(signal: AbortSignal, work: T | Promise<T>): Promise<T> {
  if (!(work instanceof Promise)) return work;
  return await new Promise<T>((resolve, reject) => {
    const end = () => {
      if (isDeadline(signal)) reject(toAppError(signal.reason));
    };
    signal.addEventListener("abort", end);
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

function decoded(request: MessageShape<DescMessage>, context: HandlerContext): MessageShape<DescMessage> {
  return context.values.get(messageKey) ?? request;
}

function reached(context: HandlerContext): void {
  const report = context.values.get(reportKey);
  if (report !== undefined) report.reached = true;
}

function noted(context: HandlerContext, thrown: unknown): ConnectError {
  const report = context.values.get(reportKey);
  const error = toAppError(thrown);
  if (report !== undefined) report.error = error;
  return thrown instanceof ConnectError ? thrown : toConnectError(error, report?.requestId ?? "");
}
