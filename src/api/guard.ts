import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImplSpec } from "@connectrpc/connect";
import type { Operation } from "../../gen/signet/v1/options_pb.js";
import { AppError } from "../core/error.js";
import type { Principal } from "../core/token.js";
import { callOf } from "./call.js";
import { toAppError, toConnectError } from "./errors.js";

/**
 * The organization in the path (or in `org_id` of a message) must be the token's. No look-up, so that one that exists and one that
 * does not look the same (api.md, "order of refusals"). Throws `forbidden`.
 */
export function requireOrganization(principal: Principal, operation: Operation, orgId: string): void {
  if (orgId === principal.orgId) return;
  if (operation.operatorCrosses && principal.isOperator) return;
  throw new AppError("forbidden", "the token belongs to another organization");
}

/**
 * Wraps the implementation of a method with what all protocols share: the organization check, and errors as ConnectErrors whose
 * cause is the AppError (also those after a stream's first message, which an interceptor around the call alone would miss).
 */
export function guardMethod(spec: MethodImplSpec): MethodImplSpec {
  switch (spec.kind) {
    case "unary":
      return {
        ...spec,
        async impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          return await failing(context, async () => {
            checkOrganization(request, context);
            return await spec.impl(request, context);
          });
        },
      };
    case "server_streaming":
      return {
        ...spec,
        async *impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          try {
            checkOrganization(request, context);
            yield* spec.impl(request, context);
          } catch (thrown) {
            throw toConnectError(toAppError(thrown), callOf(context).requestId);
          }
        },
      };
    case "client_streaming":
    case "bidi_streaming":
      throw new Error(`${spec.method.name}: signet.v1 has no client streams`);
  }
}

async function failing<T>(context: HandlerContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw toConnectError(toAppError(thrown), callOf(context).requestId);
  }
}

function checkOrganization(request: MessageShape<DescMessage>, context: HandlerContext): void {
  const { principal, operation } = callOf(context);
  if (!("orgId" in request)) return;
  requireOrganization(principal, operation, String(request.orgId));
}
