import type { WatchBundleRequest } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchRequest } from "../../service/runtimes/watch.js";
import { addressKey } from "../admission/admission-address.js";
import type { Call } from "../admission/call.js";
import { resumeCursor } from "../http/runtime-headers.js";

/** A request to watch, with what its headers add. Throws `invalid` for a Last-Event-ID that is no event's id. */
export function watchRequest(
  { afterSequence, afterDeploymentId, instanceId, labels }: WatchBundleRequest,
  header: Pick<Headers, "get">,
  { clientAddress }: Call,
): WatchRequest {
  return {
    ...(resumeCursor(header.get("last-event-id")) ?? { afterSequence, afterDeploymentId }),
    instanceId,
    labels,
    userAgent: header.get("user-agent"),
    clientAddress,
    addressKey: addressKey(clientAddress),
  };
}
