import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import type { WatchEvent } from "../../service/runtimes/watch.js";
import { timestampOf } from "./message-fields.js";

/** A watch event as signet.v1 has it. `content` goes in place of the document; null sends the document. */
export function watchMessage(
  event: WatchEvent,
  content: string | null = null,
): MessageInitShape<typeof WatchBundleResponseSchema> {
  const { sequence } = event;
  const told = { sequence, ...(event.deploymentId === null ? {} : { deploymentId: event.deploymentId }) };
  switch (event.kind) {
    case "activation": {
      const { deployment, document } = event.active;
      const { id: deploymentId, kind, version, policyHash, mediaType, at, reason } = deployment;
      const activatedAt = timestampOf(at);
      const value = { sequence, deploymentId, kind, version, policyHash, mediaType, activatedAt };
      const text = content === null ? { document } : { content };
      const why = reason === null ? {} : { reason };
      return { ...told, event: { case: "activation", value: { ...value, ...text, ...attested(event), ...why } } };
    }
    case "nothing_active":
      return { ...told, event: { case: "nothingActive", value: attested(event) } };
    case "heartbeat": {
      const { at, currentAt, proof } = event;
      const lease = proof === null ? {} : { attestation: proof.lease };
      const aged = currentAt === null ? {} : { currentAt: timestampOf(currentAt) };
      const value = { at: timestampOf(at), ...lease, ...aged };
      return { ...told, event: { case: "heartbeat", value } };
    }
    case "trust_root": {
      const { version, envelope } = event.root;
      return { ...told, event: { case: "trustRoot", value: { version, envelope } } };
    }
  }
}

function attested({ proof }: WatchEvent): { readonly attestation?: string } {
  return proof === null ? {} : { attestation: proof.attestation };
}
