import {
  RuntimeService,
  WatchBundleRequestSchema,
  type WatchBundleRequest,
} from "../../../gen/signet/v1/runtime_pb.js";
import { FieldErrors } from "../../core/field-errors.js";
import { checkMessage } from "../../rules/check-message.js";
import type { WatchRequest } from "../../service/runtimes/watch.js";
import { addressKey } from "../admission/admission-address.js";
import type { Call } from "../admission/call.js";
import { placesOf } from "../admission/guard.js";
import { resumeCursor } from "../http/runtime-headers.js";

const placeOf = placesOf(RuntimeService.method.watchBundle);

/**
 * A request to watch, with what its headers add. Throws `invalid` for what the rules of its fields refuse (it may not have come through
 * the guard), and for a Last-Event-ID that is no event's id.
 */
export function watchRequest(
  request: WatchBundleRequest,
  header: Pick<Headers, "get">,
  { clientAddress }: Call,
): WatchRequest {
  const errors = new FieldErrors();
  checkMessage(WatchBundleRequestSchema, request, placeOf, errors);
  errors.throwIfAny();
  const { afterSequence, afterDeploymentId, rootVersion, instanceId, labels } = request;
  return {
    ...(resumeCursor(header.get("last-event-id")) ?? { afterSequence, afterDeploymentId }),
    rootVersion,
    instanceId,
    labels,
    userAgent: header.get("user-agent"),
    clientAddress,
    addressKey: addressKey(clientAddress),
  };
}
