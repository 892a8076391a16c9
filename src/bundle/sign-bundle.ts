import { AppError } from "../core/error.js";
import { encodeBase64 } from "./base64.js";
import { signatureMessage, signatureV2Message, type BundleIdentity } from "./document.js";
import type { CanonicalContent } from "./policy-hash.js";
import type { Signer } from "./signer.js";

/** The input of {@link signBundle}. */
export interface BundleToSign {
  readonly identity: BundleIdentity;
  readonly content: CanonicalContent;
}

/** The fields that signing adds to a bundle. */
export interface SignedBundle {
  /** `sha256:` and 64 hex digits. */
  readonly policyHash: string;
  /** Base64, over the policy hash. */
  readonly signature: string;
  /** Base64, over content and identity. */
  readonly signatureV2: string;
  readonly keyId: string;
}

/**
 * Signs a bundle for its identity.
 *
 * @throws AppError `signing_failed` if the signer fails or does not return 64 bytes; its error is the cause
 */
export async function signBundle({ identity, content }: BundleToSign, signer: Signer): Promise<SignedBundle> {
  const { policyHash } = content;
  return {
    policyHash,
    signature: await signToBase64(signer, signatureMessage(policyHash)),
    signatureV2: await signToBase64(signer, signatureV2Message(identity, content)),
    keyId: signer.keyId,
  };
}

async function signToBase64(signer: Signer, message: Uint8Array): Promise<string> {
  try {
    const signature = await signer.sign(message);
    if (signature.length !== 64) throw new TypeError(`a signature of ${signature.length} bytes`);
    return encodeBase64(signature);
  } catch (cause) {
    throw new AppError("signing_failed", "policy signing failed", { cause });
  }
}
