import { parseSignedObject } from "../envelope/signed-json.js";
import { DIGEST, ENVIRONMENT, MAX_ID_LENGTH } from "./forms.js";
import { orMalformed, TrustError } from "./trust-error.js";
import { timeOf, trustTime, type TrustTime } from "./trust-time.js";

/** The payload type of a lease's envelope. */
export const LEASE_TYPE = "application/vnd.signet.lease+json";

/** How far a lease may be ahead of a runtime's clock. */
export const MAX_LEASE_AHEAD_MS = 60_000;

const KIND = "signet-lease/1";

/** What the server signs again and again: this activation is the newest of its environment, until then. */
export interface Lease {
  readonly orgId: string;
  readonly projectId: string;
  /** The name. */
  readonly environment: string;
  /** The newest root of the project; 0 when it has none. */
  readonly rootVersion: number;
  /** Of the activation; 0 when nothing is active. */
  readonly sequence: number;
  /** SHA-256 of the activation's payload, in hex; null when nothing is active. */
  readonly activation: string | null;
  readonly issuedAt: TrustTime;
  readonly expiresAt: TrustTime;
}

/** The payload of a lease's envelope. The same lease is always the same bytes. */
export function formatLease(lease: Lease): Uint8Array {
  const text = JSON.stringify({
    type: KIND,
    org_id: lease.orgId,
    project_id: lease.projectId,
    environment: lease.environment,
    root_version: lease.rootVersion,
    sequence: lease.sequence,
    activation: lease.activation,
    issued_at: trustTime(lease.issuedAt),
    expires_at: trustTime(lease.expiresAt),
  });
  return new TextEncoder().encode(text);
}

/**
 * Parses the payload of a lease whose signatures were verified. Unknown fields are ignored.
 *
 * @throws TrustError `malformed`, or `wrong_type` for another object
 */
export function parseLease(payload: Uint8Array): Lease {
  return orMalformed(() => {
    const object = parseSignedObject(payload, "lease");
    if (object.text("type", 100) !== KIND) throw new TrustError("wrong_type", `the lease is not ${KIND}`);
    const sequence = object.integer("sequence");
    const activation = object.has("activation") ? object.matching("activation", DIGEST) : null;
    if ((sequence === 0) !== (activation === null)) {
      throw new TrustError("malformed", "lease must have an activation with a sequence from 1, and none with 0");
    }
    return {
      orgId: object.text("org_id", MAX_ID_LENGTH),
      projectId: object.text("project_id", MAX_ID_LENGTH),
      environment: object.matching("environment", ENVIRONMENT),
      rootVersion: object.integer("root_version"),
      sequence,
      activation,
      issuedAt: timeOf(object, "issued_at"),
      expiresAt: timeOf(object, "expires_at"),
    };
  });
}
