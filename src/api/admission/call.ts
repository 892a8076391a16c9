import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import type { Principal } from "../../core/token.js";

/** The result of admission, before the body is read. Every protocol hands it to the method. */
export interface Call {
  /** As in X-Request-Id, the log and error bodies. */
  readonly requestId: string;
  /** As text: the peer's, or behind proxies what they say (client-address.ts). */
  readonly clientAddress: string;
  readonly operation: Operation;
  readonly principal: Principal;
}

/** Where a HandlerContext carries the call. */
export const callKey = createContextKey<Call | undefined>(undefined, { description: "signet call" });

/** Where a method may put another HTTP status for its success (304); REST alone looks at it. */
export const httpStatusKey = createContextKey<number | undefined>(undefined, { description: "signet HTTP status" });

/** The call of a context. Throws when no admission ran, so that a method mounted without it answers no request. */
export function callOf(context: HandlerContext): Call {
  const call = context.values.get(callKey);
  if (call === undefined) throw new Error(`${context.method.name} was called without admission`);
  return call;
}
