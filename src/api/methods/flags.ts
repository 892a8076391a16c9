import type { ServiceImpl } from "@connectrpc/connect";
import type { FlagSyncService } from "../../../gen/flagd/sync/v1/sync_pb.js";
import type { ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import type { LatestBundles } from "../../service/runtimes/latest.js";
import { pullEvents } from "../../service/runtimes/pull.js";
import type { Push } from "../../service/runtimes/push.js";
import { addressKey } from "../admission/admission-address.js";
import { callOf } from "../admission/call.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { flagConfiguration, NothingActivePatience } from "./watch-message.js";
import { flagsWatchRequest } from "./watch-request.js";

/** flagd's FlagSyncService on the use cases. */
export function createFlagSyncService(services: {
  readonly push: Push;
  readonly latest: LatestBundles;
  readonly policies: ActivePolicyTexts;
  readonly streams: StreamObserver;
}): ServiceImpl<typeof FlagSyncService> {
  const { push, latest, policies, streams } = services;
  return {
    async *syncFlags(request, context) {
      const call = callOf(context);
      const asked = flagsWatchRequest(request, context.requestHeader, call);
      const patience = new NothingActivePatience();
      streams.opened(context.protocolName);
      try {
        for await (const event of pullEvents(push, call.principal, asked, context.signal)) {
          if (event.kind === "activation") {
            yield { flagConfiguration: flagConfiguration(await policies.of(event.active)) };
          } else {
            const end = patience.after(event);
            if (end !== null) throw end;
          }
        }
      } finally {
        streams.closed(context.protocolName);
      }
    },

    async fetchAllFlags(_request, context) {
      const { principal, clientAddress } = callOf(context);
      const request = { afterSequence: 0, afterDeploymentId: "", ifNoneMatch: [], waitSeconds: 0 };
      const polled = { ...request, clientAddress: addressKey(clientAddress) };
      const { active } = await latest.latest(principal, polled, context.signal);
      return { flagConfiguration: flagConfiguration(await policies.of(active)) };
    },

    getMetadata: () => ({ metadata: {} }),
  };
}
