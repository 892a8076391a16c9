import { hashes, getPublicKey, Point, sign, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { formatPublicKey, keyId, parsePrivateKey } from "./keys.js";
import type { Signer, Verifier } from "./signer.js";

// noble uses crypto.subtle for SHA-512 by default, which browsers lack on plain-HTTP pages.
hashes.sha512 = sha512;

/**
 * A signer for any JavaScript runtime; about 20 times slower than native Ed25519.
 *
 * @param privateKeyPem PEM, PKCS#8
 * @throws AppError `signing_failed` if it is not an Ed25519 key
 */
export function createNobleSigner(privateKeyPem: string): Signer {
  const seed = parsePrivateKey(privateKeyPem);
  const publicKey = getPublicKey(seed);
  return {
    keyId: keyId(publicKey),
    publicKeyPem: formatPublicKey(publicKey),
    sign: async (message) => sign(message, seed),
  };
}

/** A verifier for any JavaScript runtime. */
export const nobleVerifier: Verifier = {
  verify: async (publicKey, message, signature) => verifySignature(publicKey, message, signature),
};

/**
 * Whether an Ed25519 signature is valid (RFC 8032, section 5.1.7), as strictly as any implementation in use.
 *
 * Refuses S not below the order of the group, points that are not encoded canonically, and points of mixed or small order:
 * implementations differ on these, and a bundle must not be valid in one runtime and invalid in another.
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  // noble multiplies the equation by the cofactor; OpenSSL does not. Without torsion in A and R both agree.
  if (!verify(signature, message, publicKey, { zip215: false })) return false;
  return Point.fromBytes(publicKey).isTorsionFree() && Point.fromBytes(signature.subarray(0, 32)).isTorsionFree();
}
