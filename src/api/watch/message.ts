import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchEvent } from "../../service/watch.js";
import { timestampOf } from "../timestamps.js";

/** A watch event as signet.v1 has it. */
export function watchMessage(event: WatchEvent): MessageInitShape<typeof WatchBundleResponseSchema> {
  const { sequence } = event;
  switch (event.kind) {
    case "activation": {
      const { deployment, document } = event.active;
      const { id: deploymentId, kind, version, policyHash, at } = deployment;
      const activatedAt = timestampOf(at);
      const value = { sequence, deploymentId, kind, version, policyHash, activatedAt, document };
      return { sequence, event: { case: "activation", value } };
    }
    case "nothing_active":
      return { sequence, event: { case: "nothingActive", value: {} } };
    case "heartbeat": {
      const value = { at: timestampOf(event.at) };
      return { sequence, event: { case: "heartbeat", value } };
    }
  }
}
