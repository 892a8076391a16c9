import type { Message } from "@bufbuild/protobuf";
import { createContextKey } from "@connectrpc/connect";
import type { AppError } from "../../core/error.js";
import type { RpcProtocol } from "./wire-form.js";

/** The facts of a request that its log line and its figures are made of; filled in on its way. */
export interface RequestReport {
  readonly requestId: string;
  readonly clientAddress: string;
  protocol: RpcProtocol | "rest" | "probe" | "http";
  operationId: string | undefined;
  keyPrefix: string | undefined;
  /** The name of that token; null for one without. */
  keyName: string | null | undefined;
  error: AppError | undefined;
  /** The method answers with a stream. */
  isStream: boolean;
  /** 32 hex digits; undefined when the request is not traced. */
  readonly traceId: string | undefined;
  /** An implementation was called: what fails before that is the protocol's own error. */
  reached: boolean;
}

/** The report of a request that has only just come. */
export function createReport(
  head: Pick<RequestReport, "requestId" | "clientAddress" | "protocol" | "traceId">,
): RequestReport {
  // Each by its name: an object that is spread together costs more than a poll's answer may.
  return {
    requestId: head.requestId,
    clientAddress: head.clientAddress,
    protocol: head.protocol,
    operationId: undefined,
    keyPrefix: undefined,
    keyName: undefined,
    error: undefined,
    isStream: false,
    traceId: head.traceId,
    reached: false,
  };
}

/** Where a HandlerContext carries the report of its request. */
export const reportKey = createContextKey<RequestReport | undefined>(undefined, {
  description: "signet request report",
});

/** Where a HandlerContext carries a request that was decoded already; the handler's own is then an empty one. */
export const messageKey = createContextKey<Message | undefined>(undefined, { description: "signet request message" });
