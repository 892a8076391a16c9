import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { formatPublicKey } from "../../../bundle/keys.js";
import type { Verifier } from "../../../bundle/signer.js";

/** Node's Ed25519. Envelopes are small: on the event loop one costs less than a thread's turn. */
export const nodeVerifier: Verifier = {
  verify: async (publicKey, message, signature) => verify(null, message, keyObjectOf(publicKey), signature),
};

/** The SHA-256 of bytes, in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** By the bytes of a parsed key: making the object costs as much as verifying. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function keyObjectOf(publicKey: Uint8Array): KeyObject {
  const known = keyObjects.get(publicKey);
  if (known !== undefined) return known;
  const key = createPublicKey(formatPublicKey(publicKey));
  keyObjects.set(publicKey, key);
  return key;
}
