import { canonicalJson } from "./canonical-json.js";
import { encodeBase64 } from "./base64.js";

/** A public key as another one vouches for it. */
export interface EndorsedKey {
  /** What it signs. */
  readonly purpose: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** UUID of the organization whose key it is; null for the server's own. */
  readonly orgId: string | null;
  /** UUID of the environment whose key it is; null for an organization's. */
  readonly environmentId: string | null;
}

/** Only endorsements start so. */
const PREFIX = "signet-key-v1\0";

/**
 * What the endorsement of a key is over: `signet-key-v1`, NUL, canonical JSON of environment_id, org_id, public_key (base64 of 32
 * bytes) and purpose. The server's current key of a purpose signs its predecessor's, and those of organizations and environments.
 */
export function keyEndorsementMessage({ purpose, publicKey, orgId, environmentId }: EndorsedKey): Uint8Array {
  const signed = { environment_id: environmentId, org_id: orgId, public_key: encodeBase64(publicKey), purpose };
  return new TextEncoder().encode(PREFIX + canonicalJson(signed));
}
