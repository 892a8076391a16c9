import { createHash } from "node:crypto";
import { createEs256Key, createEs256Signer, parseEs256PublicKey, verifyEs256 } from "../../bundle/opa/es256.js";
import { parsePublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import type { KeyPurpose, KeySlot } from "../../core/key.js";
import { createNodeSigner, nodeVerifier } from "./ed25519-node.js";
import { newPem } from "./rotated-key.js";

/** What an archive's signature covers is megabytes: a hash in JavaScript would hold up everybody. */
const sha256 = (message: Uint8Array) => createHash("sha256").update(message).digest();

/** A public key of any purpose. */
export interface KindOfPublicKey {
  /** 16 hex digits. */
  readonly keyId: string;
  readonly bytes: Uint8Array;
}

/** A new private key, PKCS#8 PEM: Ed25519, and for OPA, which takes no Ed25519, P-256. */
export function newPemFor(slot: KeySlot): string {
  return slot === "opa" ? createEs256Key() : newPem();
}

/** The signer of a private key. Throws `signing_failed` for a key of another kind. */
export function signerFor(slot: KeySlot, privateKeyPem: string): Signer {
  return slot === "opa" ? createEs256Signer(privateKeyPem, sha256) : createNodeSigner(privateKeyPem);
}

/** Reads a public key. Throws `invalid` for a key of another kind. */
export function publicKeyFor(purpose: KeySlot, pem: string): KindOfPublicKey {
  return purpose === "opa" ? parseEs256PublicKey(pem) : parsePublicKey(pem);
}

/** Whether a signature is that of a key. */
export async function verifyFor(
  purpose: KeyPurpose,
  key: KindOfPublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return purpose === "opa"
    ? verifyEs256(key, message, signature)
    : await nodeVerifier.verify(key.bytes, message, signature);
}
