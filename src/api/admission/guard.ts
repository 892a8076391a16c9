import {
  getOption,
  hasOption,
  type DescMessage,
  type DescMethod,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, MethodImplSpec } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.js";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import { AppError, DISK_FULL, invalidField, notFound } from "../../core/error.js";
import { FieldErrors } from "../../core/field-errors.js";
import type { KnownToken, Principal } from "../../core/token.js";
import { isUuid } from "../../core/uuid.js";
import type { TenantNames } from "../../service/access/tenant-names.js";
import { checkMessage, type PlaceOf } from "../../rules/check-message.js";
import { callOf } from "./call.js";
import { toAppError, toConnectError } from "./error-status.js";
import { operationOf } from "./operations.js";

/** Finds organizations and projects by slug or name. */
export type Names = Pick<TenantNames, "organizationId" | "projectId">;

/**
 * The id of the organization that a path (or `org_id` of a message) gives by UUID, slug or name. It must be the token's, unless an
 * operator may name another one. An organization that exists and one that does not look the same: another UUID is refused without a
 * look-up, and a slug or a name is compared with those of the token's organization only.
 *
 * Throws `forbidden` for another UUID, `not_found` for a slug or a name, `invalid` when there is none.
 */
export async function organizationOf(
  principal: Principal,
  operation: Operation,
  text: string,
  names: Names,
): Promise<string> {
  const mayCross = operation.operatorCrosses && principal.isOperator;
  if (isUuid(text)) {
    const orgId = text.toLowerCase();
    if (orgId !== principal.orgId && !mayCross)
      throw new AppError("forbidden", "the token belongs to another organization");
    return orgId;
  }
  if (text === "") throw invalidField(["org_id"], "is required", "missing");
  const orgId = await names.organizationId(principal, text, mayCross);
  if (orgId === undefined) throw notFound("organization");
  return orgId;
}

/** Told of every refused attempt of a known token (api.md, "Audit"). Must not throw. */
export type OnRefused = (
  token: KnownToken,
  operationId: string,
  code: "unauthenticated" | "forbidden" | "rate_limited" | "conflict",
) => void;

/** What the guard of every method needs. */
export interface GuardParts {
  readonly onRefused: OnRefused;
  readonly names: Names;
  /** What changes are refused with while the disk is full; null while it is not. */
  readonly diskRefusal: () => AppError | null;
}

/**
 * Wraps the implementation of a method with what all protocols share: the organization check, the rules of the request's fields, ids
 * instead of names, and errors as ConnectErrors whose cause is the AppError (also those after a stream's first message, which an interceptor
 * around the call alone would miss). While the disk is full it refuses changes that do not make room.
 */
export function guardMethod(spec: MethodImplSpec, { onRefused, names, diskRefusal }: GuardParts): MethodImplSpec {
  const accept = requestChecker(spec.method, names);
  const isLetThrough = goesOnFullDisk(spec.method);
  switch (spec.kind) {
    case "unary":
      return {
        ...spec,
        async impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          return await failing(context, onRefused, async () => {
            await accept(request, context);
            const refusal = isLetThrough ? null : diskRefusal();
            if (refusal !== null) throw refusal;
            return await onceMoreOnFullDisk(isLetThrough, async () => spec.impl(request, context));
          });
        },
      };
    case "server_streaming":
      return {
        ...spec,
        async *impl(request: MessageShape<DescMessage>, context: HandlerContext) {
          try {
            await accept(request, context);
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

/** Whether a method goes on while the disk is full: it only reads, or its operation says so. */
function goesOnFullDisk(method: DescMethod): boolean {
  if (operationOf(method).onFullDisk) return true;
  return hasOption(method, http) && getOption(method, http).pattern.case === "get";
}

/** The change that finds the disk full fails, and makes the server release its reserve: one that is let through may use that. */
export async function onceMoreOnFullDisk<T>(isLetThrough: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!isLetThrough || toAppError(thrown).reason !== DISK_FULL) throw thrown;
    return await work();
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
  // An attempt to find out which keys exist.
  if (error.code === "conflict" && error.reason === "key_exists") onRefused(principal, operation.id, error.code);
  return toConnectError(error, requestId);
}

/**
 * Checks a request in the order of docs/api.md ("Order of refusals"), and replaces its `org_id` and `project_id` by ids. A
 * project that is not there stays as it is: the method refuses it as it refuses an unknown id.
 */
function requestChecker(method: DescMethod, names: Names) {
  const placeOf = placesOf(method);
  return async (request: TenantFields, context: HandlerContext): Promise<void> => {
    const { principal, operation } = callOf(context);
    if (request.orgId !== undefined) request.orgId = await organizationOf(principal, operation, request.orgId, names);
    const errors = new FieldErrors();
    checkMessage(method.input, request, placeOf, errors);
    errors.throwIfAny();
    const { projectId } = request;
    if (projectId === undefined || projectId === "") return;
    request.projectId = isUuid(projectId)
      ? projectId.toLowerCase()
      : ((await names.projectId(principal, projectId)) ?? projectId);
  };
}

/** The organization and the project of a request that has these fields: id, slug or name. */
interface TenantFields extends Message {
  orgId?: string;
  projectId?: string;
}

/** The part of a REST request that has the field: path, query or body. Errors name it in every protocol. */
export function placesOf(method: DescMethod): PlaceOf {
  const { pattern, body = "*" } = hasOption(method, http) ? getOption(method, http) : {};
  const path = typeof pattern?.value === "string" ? pattern.value : "";
  return ({ name }) => {
    if (path.includes(`{${name}}`)) return "path";
    return body === "*" || body === name ? "body" : "query";
  };
}
