import { AttestationRotation } from "../../service/rotation/attestation-rotation.js";
import { KeyRotation } from "../../service/rotation/key-rotation.js";
import type { AuditServices } from "./audit.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";

/** The rotation of the server's keys for bundles and attestation. */
export interface RotationServices {
  readonly rotation: KeyRotation;
  readonly attestationRotation: AttestationRotation;
}

/** Composes the rotation on the keys and the audit. */
export function composeRotation(
  { store, clock, signingKeys: keys, lastKeys }: ServiceContext,
  { ring, signers, keys: list, audit }: KeyServices & AuditServices,
): RotationServices {
  const deps = { store, clock, audit, keys, lastKeys, list, ring };
  return { rotation: new KeyRotation({ ...deps, signers }), attestationRotation: new AttestationRotation(deps) };
}
