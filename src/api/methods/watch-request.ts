import type { DescMessage, Message } from "@bufbuild/protobuf";
import { FlagSyncService, type SyncFlagsRequest } from "../../../gen/flagd/sync/v1/sync_pb.js";
import {
  RuntimeService,
  type WatchBundleRequest,
  type WatchPoliciesRequest,
} from "../../../gen/signet/v1/runtime_pb.js";
import { FieldErrors } from "../../core/field-errors.js";
import { checkMessage, type PlaceOf } from "../../rules/check-message.js";
import type { WatchRequest } from "../../service/runtimes/watch.js";
import { addressKey } from "../admission/admission-address.js";
import type { Call } from "../admission/call.js";
import { placesOf } from "../admission/guard.js";
import { resumeCursor } from "../http/runtime-headers.js";

const { watchBundle, watchPolicies } = RuntimeService.method;
const placeInBundle = placesOf(watchBundle);
const placeInPolicies = placesOf(watchPolicies);
const { syncFlags } = FlagSyncService.method;
const placeInFlags = placesOf(syncFlags);

/** What every request to watch has. */
type WatchFields = Pick<WatchRequest, "afterSequence" | "afterDeploymentId" | "rootVersion" | "instanceId" | "labels">;

/**
 * A request to watch, with what its headers add. Throws `invalid` for what the rules of its fields refuse (it may not have come through
 * the guard), and for a Last-Event-ID that is no event's id.
 */
export function watchRequest(request: WatchBundleRequest, header: Pick<Headers, "get">, call: Call): WatchRequest {
  requireRules(watchBundle.input, request, placeInBundle);
  const { afterSequence, afterDeploymentId, rootVersion, instanceId, labels } = request;
  return withHeaders({ afterSequence, afterDeploymentId, rootVersion, instanceId, labels }, header, call);
}

/** As watchRequest, for a watch of policies: it has no roots. */
export function policiesWatchRequest(
  request: WatchPoliciesRequest,
  header: Pick<Headers, "get">,
  call: Call,
): WatchRequest {
  requireRules(watchPolicies.input, request, placeInPolicies);
  const { afterSequence, afterDeploymentId, instanceId, labels } = request;
  return withHeaders({ afterSequence, afterDeploymentId, rootVersion: 0, instanceId, labels }, header, call);
}

/** As watchRequest, for flagd: it begins with what is active, whatever it had. */
export function flagsWatchRequest(request: SyncFlagsRequest, header: Pick<Headers, "get">, call: Call): WatchRequest {
  requireRules(syncFlags.input, request, placeInFlags);
  const { providerId: instanceId } = request;
  const cursor = { afterSequence: 0, afterDeploymentId: "" };
  return { ...withHeaders({ ...cursor, rootVersion: 0, instanceId, labels: {} }, header, call), ...cursor };
}

function requireRules(desc: DescMessage, request: Message, placeOf: PlaceOf): void {
  const errors = new FieldErrors();
  checkMessage(desc, request, placeOf, errors);
  errors.throwIfAny();
}

function withHeaders(fields: WatchFields, header: Pick<Headers, "get">, { clientAddress }: Call): WatchRequest {
  return {
    ...fields,
    ...resumeCursor(header.get("last-event-id")),
    userAgent: header.get("user-agent"),
    clientAddress,
    addressKey: addressKey(clientAddress),
  };
}
