import { nobleVerifier } from "../../../bundle/ed25519-noble.js";
import type { Verifier } from "../../../bundle/signer.js";

/** Ed25519 public keys, as the browser holds them. */
const imported = new Map<string, Promise<CryptoKey>>();

/**
 * The fastest verifier that this page has: the browser's own, which works in other threads, else that of this program, which is some
 * twenty times slower. Pages of plain HTTP have none of their own but on loopback.
 */
export async function browserVerifier(): Promise<Verifier> {
  // Undefined on pages that are not secure, whatever its type says.
  const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle;
  if (subtle === undefined) return nobleVerifier;
  try {
    await subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  } catch {
    return nobleVerifier;
  }
  return {
    async verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false;
      const name = publicKey.join();
      const key =
        imported.get(name) ?? subtle.importKey("raw", Uint8Array.from(publicKey), "Ed25519", false, ["verify"]);
      imported.set(name, key);
      try {
        return await subtle.verify("Ed25519", await key, Uint8Array.from(signature), Uint8Array.from(message));
      } catch {
        return false;
      }
    },
  };
}
