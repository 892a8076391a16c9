import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { timestampOf } from "./message-fields.js";

/** A watch event as signet.v1 has it. */
export function watchMessage(event: WatchEvent): MessageInitShape<typeof WatchBundleResponseSchema> {
  const { sequence } = event;
  const told = { sequence, ...(event.deploymentId === null ? {} : { deploymentId: event.deploymentId }) };
  switch (event.kind) {
    case "activation": {
      const { deployment, document } = event.active;
      const { id: deploymentId, kind, version, policyHash, at, reason } = deployment;
      const activatedAt = timestampOf(at);
      const value = { sequence, deploymentId, kind, version, policyHash, activatedAt, document };
      const why = reason === null ? {} : { reason };
      return { ...told, event: { case: "activation", value: { ...value, ...why } } };
    }
    case "nothing_active":
      return { ...told, event: { case: "nothingActive", value: {} } };
    case "heartbeat": {
      const { at, currentAt } = event;
      const value = { at: timestampOf(at), ...(currentAt === null ? {} : { currentAt: timestampOf(currentAt) }) };
      return { ...told, event: { case: "heartbeat", value } };
    }
  }
}
