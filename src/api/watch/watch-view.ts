import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import { FlagSyncService, SyncFlagsResponseSchema, type SyncFlagsRequest } from "../../../gen/flagd/sync/v1/sync_pb.js";
import {
  RuntimeService,
  WatchBundleResponseSchema,
  WatchPoliciesResponseSchema,
  type WatchBundleRequest,
  type WatchPoliciesRequest,
} from "../../../gen/signet/v1/runtime_pb.js";
import type { ActivePolicies } from "../../service/runtimes/active-policies.js";
import type { WatchEvent, WatchRequest } from "../../service/runtimes/watch.js";
import type { Call } from "../admission/call.js";
import { operationOf } from "../admission/operations.js";
import { flagConfiguration, policiesMessage, watchMessage } from "../methods/watch-message.js";
import { flagsWatchRequest, policiesWatchRequest, watchRequest } from "../methods/watch-request.js";
import type { StreamContent } from "../rest/stream-format.js";

/** What the messages of a stream say of an event. Holds nothing of one stream. */
export interface WatchView {
  /** Unique among views. */
  readonly name: string;
  readonly content: StreamContent;
  /** What an activation is told with, beside its document, which is at hand. */
  readonly needs: "content" | "policies" | null;
  /** Activations alone are sent. */
  readonly isSilent: boolean;
  /** `told` is what it needs; null for all events but activations. */
  message(event: WatchEvent, told: Told): Message;
}

/** What an activation is told with. */
export interface Told {
  readonly content: string | null;
  readonly policies: ActivePolicies | null;
}

/** How a method of WATCHES is served. */
export interface WatchedMethod {
  /** Throws as watchRequest. */
  request(message: Message, header: Pick<Headers, "get">, call: Call): WatchRequest;
  view(message: Message): WatchView;
}

const { watchBundle, watchPolicies } = RuntimeService.method;
const { syncFlags } = FlagSyncService.method;

const documents = viewOf("document", watchBundle, null, (event) =>
  create(WatchBundleResponseSchema, watchMessage(event)),
);
const contents = viewOf("content", watchBundle, "content", (event, { content }) =>
  create(WatchBundleResponseSchema, watchMessage(event, content)),
);
const policies = viewOf("policies", watchPolicies, "policies", (event, told) =>
  create(WatchPoliciesResponseSchema, policiesMessage(event, told.policies)),
);

const flags: WatchView = {
  ...viewOf("flags", syncFlags, "policies", (_event, told) => {
    if (told.policies === null) throw new Error("flagd is sent flag sets alone");
    return create(SyncFlagsResponseSchema, { flagConfiguration: flagConfiguration(told.policies) });
  }),
  isSilent: true,
};

const WATCHED = new Map<DescMethod, WatchedMethod>([
  [
    watchBundle,
    {
      request: (message, header, call) => watchRequest(message as WatchBundleRequest, header, call),
      view: (message) => ((message as WatchBundleRequest).content ? contents : documents),
    },
  ],
  [
    watchPolicies,
    {
      request: (message, header, call) => policiesWatchRequest(message as WatchPoliciesRequest, header, call),
      view: () => policies,
    },
  ],
  [
    syncFlags,
    {
      request: (message, header, call) => flagsWatchRequest(message as SyncFlagsRequest, header, call),
      view: () => flags,
    },
  ],
]);

/** Throws an Error for a method that is none of WATCHES. */
export function watchedMethod(method: DescMethod): WatchedMethod {
  const found = WATCHED.get(method);
  if (found === undefined) throw new Error(`${method.name} is no watch of what is active`);
  return found;
}

function viewOf(
  name: string,
  method: DescMethod & { readonly output: DescMessage },
  needs: WatchView["needs"],
  message: WatchView["message"],
): WatchView {
  const isMember = operationOf(method).eventDataIsMember;
  return {
    name,
    content: { desc: method.output, responseField: undefined, isMember },
    needs,
    isSilent: false,
    message,
  };
}
