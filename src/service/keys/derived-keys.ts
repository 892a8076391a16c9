import { hkdfSync } from "node:crypto";
import { LRUCache } from "lru-cache";
import { formatPrivateKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import type { KeyOwner, KeyPurpose } from "../../core/key.js";
import { createNodeSigner } from "./ed25519-node.js";

/** Cached signers; others are derived again, which takes a fraction of a millisecond. */
const MAX_KEPT = 10_000;

/** The keys of organizations and environments, derived from the server's key of the same purpose. */
export interface DerivedKeys {
  /** Throws a TypeError for the server itself. */
  of(owner: KeyOwner): Signer;
}

/**
 * Derives keys by HKDF-SHA256 (RFC 5869): from the server's 32-byte seed, without salt, 32 bytes for the info
 * `signet-derived-key-v1`, NUL, the purpose, NUL, the organization's id, and for an environment's NUL and its id. The results are the
 * seeds. Nothing is stored for them: the server's key determines all of them, and none of them reveals another.
 */
export function createDerivedKeys(purpose: KeyPurpose, seed: Uint8Array): DerivedKeys {
  const kept = new LRUCache<string, Signer>({ max: MAX_KEPT });
  return {
    of({ orgId, environmentId }) {
      if (orgId === null) throw new TypeError("the server's own key is not derived");
      const ids = environmentId === null ? [orgId] : [orgId, environmentId];
      const info = ["signet-derived-key-v1", purpose, ...ids].join("\0");
      const known = kept.get(info);
      if (known !== undefined) return known;
      const derived = new Uint8Array(hkdfSync("sha256", seed, new Uint8Array(), info, 32));
      const signer = createNodeSigner(formatPrivateKey(derived));
      kept.set(info, signer);
      return signer;
    },
  };
}
