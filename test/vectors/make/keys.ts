import { createHash } from "node:crypto";
import { envelopeKeyId } from "../../../src/bundle/envelope/dsse.js";
import { formatPrivateKey, parsePublicKey, type PublicKey } from "../../../src/bundle/keys.js";
import type { Signer } from "../../../src/bundle/signer.js";
import { createNodeSigner } from "../../../src/service/keys/ed25519-node.js";

/** A key of the vectors: its seed is the SHA-256 of a text with its name, so that the same keys are made each time. */
export interface VectorKey {
  readonly name: string;
  readonly signer: Signer;
  readonly key: PublicKey;
  /** The full id: 64 hex digits. */
  readonly id: string;
}

export function vectorKey(name: string): VectorKey {
  const seed = createHash("sha256").update(`signet trust vectors: ${name}`).digest();
  const signer = createNodeSigner(formatPrivateKey(seed));
  const key = parsePublicKey(signer.publicKeyPem);
  return { name, signer, key, id: envelopeKeyId(key) };
}

/** All keys of the vectors, by what they are for. `stranger` is in no root. */
export const keys = {
  root: [vectorKey("root 1"), vectorKey("root 2"), vectorKey("root 3")],
  nextRoot: [vectorKey("next root 1"), vectorKey("next root 2"), vectorKey("next root 3")],
  activation: vectorKey("activation"),
  nextActivation: vectorKey("next activation"),
  lease: vectorKey("lease"),
  nextLease: vectorKey("next lease"),
  alice: vectorKey("alice"),
  bob: vectorKey("bob"),
  carol: vectorKey("carol"),
  dave: vectorKey("dave"),
  stranger: vectorKey("stranger"),
} as const;
