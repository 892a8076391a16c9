import type { WatchBundleRequest } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchRequest } from "../../service/watch.js";
import { addressKey } from "../admission-address.js";
import type { Call } from "../call.js";
import { resumeSequence } from "../runtime-headers.js";

/** A request to watch, with what its headers add. Throws `invalid` for a Last-Event-ID that is no sequence. */
export function watchRequest(
  { afterSequence, instanceId, labels }: WatchBundleRequest,
  header: Pick<Headers, "get">,
  { clientAddress }: Call,
): WatchRequest {
  return {
    afterSequence: resumeSequence(header.get("last-event-id")) ?? afterSequence,
    instanceId,
    labels,
    userAgent: header.get("user-agent"),
    clientAddress,
    addressKey: addressKey(clientAddress),
  };
}
