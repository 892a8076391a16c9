import type { Message } from "@bufbuild/protobuf";
import { createContextKey } from "@connectrpc/connect";
import type { AppError } from "../../core/error.js";
import type { RpcProtocol } from "./wire-form.js";

/** What is known of a request when it is over; filled in on its way. */
export interface RequestReport {
  readonly requestId: string;
  readonly clientAddress: string;
  protocol: RpcProtocol | "rest" | "probe" | "http";
  operationId: string | undefined;
  keyPrefix: string | undefined;
  error: AppError | undefined;
  /** The method answers with a stream. */
  isStream: boolean;
  /** 32 hex digits; undefined when the request is not traced. */
  readonly traceId: string | undefined;
  /** An implementation was called: what fails before that is the protocol's own error. */
  reached: boolean;
}

/** Where a HandlerContext carries the report of its request. */
export const reportKey = createContextKey<RequestReport | undefined>(undefined, {
  description: "signet request report",
});

/** Where a HandlerContext carries a request that was decoded already; the handler's own is then an empty one. */
export const messageKey = createContextKey<Message | undefined>(undefined, { description: "signet request message" });
