import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, MethodImplSpec } from "@connectrpc/connect";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import { AppError } from "../../core/error.js";
import type { KnownToken, Principal } from "../../core/token.js";
import { isUuid } from "../../core/uuid.js";
import { callOf } from "./call.js";
import { toAppError, toConnectError } from "./errors.js";

/**
 * The organization in the path (or in `org_id` of a message) must be the token's. No look-up, so that one that exists and one that
 * does not look the same (api.md, "order of refusals"). Throws `forbidden`.
 */
export function requireOrganization(principal: Principal, operation: Operation, orgId: string): void {
  if (orgId === principal.orgId) return;
  if (operation.operatorCrosses && principal.isOperator) return;
  // No organization has it: a slug or a name tells nobody anything.
  if (!isUuid(orgId)) {
    throw new AppError(
      "forbidden",
      "org_id must be the organization's UUID, not its slug or name; GET /v1/whoami tells the token's",
    );
  }
  throw new AppError("forbidden", "the token belongs to another organization");
}

/** Told of every refused attempt of a known token (api.md, "Audit"). Must not throw. */
export type OnRefused = (
  token: KnownToken,
  operationId: string,
  code: "unauthenticated" | "forbidden" | "rate_limited" | "conflict",
) => void;

/**
 * Wraps the implementation of a method with what all protocols share: the organization check, and errors as ConnectErrors whose
 * cause is the AppError (also those after a stream's first message, which an interceptor around the call alone would miss).
 */
export function guardMethod(spec: MethodImplSpec, onRefused: OnRefused): MethodImplSpec {
  switch (spec.kind) {
    case "unary":
      return {
        ...spec,
        async impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          return await failing(context, onRefused, async () => {
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
            throw failure(thrown, context, onRefused);
          }
        },
      };
    case "client_streaming":
    case "bidi_streaming":
      throw new Error(`${spec.method.name}: signet.v1 has no client streams`);
  }
}

async function failing<T>(context: HandlerContext, onRefused: OnRefused, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw failure(thrown, context, onRefused);
  }
}

function failure(thrown: unknown, context: HandlerContext, onRefused: OnRefused): ConnectError {
  const error = toAppError(thrown);
  const { principal, operation, requestId } = callOf(context);
  if (error.code === "forbidden" || error.code === "rate_limited") onRefused(principal, operation.id, error.code);
  // Who tries keys that he did not make finds some that are there.
  if (error.code === "conflict" && error.reason === "key_exists") onRefused(principal, operation.id, error.code);
  return toConnectError(error, requestId);
}

function checkOrganization(request: MessageShape<DescMessage>, context: HandlerContext): void {
  const { principal, operation } = callOf(context);
  if (!("orgId" in request)) return;
  requireOrganization(principal, operation, String(request.orgId));
}
