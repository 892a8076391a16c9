import { canonicalJson } from "./canonical-json.js";
import { encodeBase64 } from "./base64.js";

/** A public key to be endorsed by another key. */
export interface EndorsedKey {
  /** The purpose of the key, for example `bundles`. */
  readonly purpose: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** UUID of its organization; null for the server's own key. */
  readonly orgId: string | null;
  /** UUID of its environment; null for an organization's key. */
  readonly environmentId: string | null;
}

/** The prefix of endorsements only. */
const PREFIX = "signet-key-v1\0";

/**
 * The signed message of an endorsement: `signet-key-v1`, NUL, canonical JSON of environment_id, org_id, public_key (base64 of 32
 * bytes) and purpose. The server's current key of a purpose signs its predecessor's, and those of organizations and environments.
 */
export function keyEndorsementMessage({ purpose, publicKey, orgId, environmentId }: EndorsedKey): Uint8Array {
  const signed = { environment_id: environmentId, org_id: orgId, public_key: encodeBase64(publicKey), purpose };
  return new TextEncoder().encode(PREFIX + canonicalJson(signed));
}
