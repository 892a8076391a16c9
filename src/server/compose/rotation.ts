import { KeyRotation } from "../../service/rotation/key-rotation.js";
import type { AuditServices } from "./audit.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";

/** The rotation of the server's signing key. */
export interface RotationServices {
  readonly rotation: KeyRotation;
}

/** Composes the rotation on the keys and the audit. */
export function composeRotation(
  { store, clock, signingKeys: keys, lastKeys }: ServiceContext,
  { ring, signers, keys: list, audit }: KeyServices & AuditServices,
): RotationServices {
  return { rotation: new KeyRotation({ store, clock, audit, keys, lastKeys, list, ring, signers }) };
}
