import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { formatPrivateKey, formatPublicKey, parsePrivateKey, parsePublicKey } from "../../bundle/keys.js";
import type { Signer, Verifier } from "../../bundle/signer.js";

// The callback forms work on libuv's thread pool, so that a large document does not hold up the event loop.
const signAsync = promisify<null, Uint8Array, KeyObject, Buffer>(sign);
const verifyAsync = promisify<null, Uint8Array, KeyObject, Uint8Array, boolean>(verify);

/**
 * Up to so many bytes a message is signed at once, which takes about 0.1 ms; to hand it to another thread and back costs the event
 * loop more than that, and the time of everybody who waits in the same commit.
 */
const MAX_INLINE_BYTES = 64 * 1024;

/**
 * A signer on Node's own Ed25519; it signs byte for byte what the portable one signs.
 *
 * @param privateKeyPem PEM, PKCS#8
 * @throws AppError `signing_failed` when that is no Ed25519 key
 */
export function createNodeSigner(privateKeyPem: string): Signer {
  const privateKey = createPrivateKey(formatPrivateKey(parsePrivateKey(privateKeyPem)));
  const publicKeyPem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  return {
    keyId: parsePublicKey(publicKeyPem).keyId,
    publicKeyPem,
    async sign(message) {
      return message.byteLength <= MAX_INLINE_BYTES
        ? sign(null, message, privateKey)
        : await signAsync(null, message, privateKey);
    },
  };
}

/** A verifier on Node's own Ed25519. */
export const nodeVerifier: Verifier = {
  verify: async (publicKey, message, signature) =>
    verifyAsync(null, message, createPublicKey(formatPublicKey(publicKey)), signature),
};
