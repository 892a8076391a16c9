import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { formatPrivateKey, formatPublicKey, parsePrivateKey, parsePublicKey } from "../../bundle/keys.js";
import type { Signer, Verifier } from "../../bundle/signer.js";

// The callback forms run on libuv's thread pool, so that a large document does not block the event loop.
const signAsync = promisify<null, Uint8Array, KeyObject, Buffer>(sign);
const verifyAsync = promisify<null, Uint8Array, KeyObject, Uint8Array, boolean>(verify);

/**
 * Messages of at most this many bytes are signed on the event loop, in about 0.1 ms: the thread pool would cost it more, and delay all
 * changes of the same commit.
 */
const MAX_INLINE_BYTES = 64 * 1024;

/**
 * A signer with Node's Ed25519; its signatures are identical to those of the portable one.
 *
 * @param privateKeyPem PEM, PKCS#8
 * @throws AppError `signing_failed` if it is not an Ed25519 key
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

/** A verifier with Node's Ed25519. */
export const nodeVerifier: Verifier = {
  verify: async (publicKey, message, signature) => verifyAsync(null, message, keyObjectOf(publicKey), signature),
};

/** By the bytes of a parsed key: one key signs a whole audit chain, and making the object costs as much as verifying. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function keyObjectOf(publicKey: Uint8Array): KeyObject {
  const known = keyObjects.get(publicKey);
  if (known !== undefined) return known;
  const key = createPublicKey(formatPublicKey(publicKey));
  keyObjects.set(publicKey, key);
  return key;
}
