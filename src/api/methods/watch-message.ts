import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchBundleResponseSchema, WatchPoliciesResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { AppError } from "../../core/error.js";
import type { ActivePolicies } from "../../service/runtimes/active-policies.js";
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

/** An event of a watch of policies. `policies` are those of an activation; null for another event. */
export function policiesMessage(
  event: WatchEvent,
  policies: ActivePolicies | null,
): MessageInitShape<typeof WatchPoliciesResponseSchema> {
  const { sequence } = event;
  const told = { sequence, ...(event.deploymentId === null ? {} : { deploymentId: event.deploymentId }) };
  if (policies !== null) {
    const { version, policyHash } = policies.deployment;
    return { ...told, version, policyHash, event: { case: "policies", value: policies.text } };
  }
  if (event.kind === "nothing_active") return { ...told, event: { case: "nothingActive", value: {} } };
  if (event.kind !== "heartbeat") throw new Error(`a watch of policies has no event ${event.kind}`);
  const { at, currentAt } = event;
  const aged = currentAt === null ? {} : { currentAt: timestampOf(currentAt) };
  return { ...told, event: { case: "heartbeat", value: { at: timestampOf(at), ...aged } } };
}

/** Policies as flagd takes them. Throws `not_found` for policies that are no flag set: flagd would take them for an empty one. */
export function flagConfiguration({ text, isFlagSet }: ActivePolicies): string {
  if (isFlagSet) return text;
  throw new AppError("not_found", 'the active policies have no flags: flagd reads {"flags": {…}}');
}

/**
 * Ends streams on which nothing is sent while nothing is active: their clients see why they have no flags, and come back. Heartbeats are
 * counted, so that it needs no timer.
 */
export class NothingActivePatience {
  #beats = 0;

  /** Takes an event that is not sent. What to end the stream with; null goes on. */
  after({ kind, sequence }: WatchEvent): AppError | null {
    if (kind !== "heartbeat" || sequence !== 0) return null;
    this.#beats += 1;
    if (this.#beats < 2) return null;
    return new AppError("unavailable", "nothing is active in this environment yet", { retryAfterSeconds: 1 });
  }
}

function attested({ proof }: WatchEvent): { readonly attestation?: string } {
  return proof === null ? {} : { attestation: proof.attestation };
}
