import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import type { KeyPurpose } from "../../core/key.js";
import type { VerifyingKeys } from "./key-files.js";

/** A public key of a server. */
type PublicHalf = Pick<Signer, "keyId" | "publicKeyPem">;

/** The public halves of a server's keys, for a KeyRing that only verifies: signing throws `signing_failed`. Null for an unusable key. */
export function verifyingKeys(publicKeys: Readonly<Record<KeyPurpose, PublicHalf | null>>): VerifyingKeys {
  const half = (purpose: KeyPurpose): Signer => ({
    keyId: publicKeys[purpose]?.keyId ?? "",
    publicKeyPem: publicKeys[purpose]?.publicKeyPem ?? "",
    sign: () => Promise.reject(new AppError("signing_failed", "only the public half of the key is here")),
  });
  return {
    bundles: half("bundles"),
    audit: half("audit"),
    webhooks: half("webhooks"),
    attestation: half("attestation"),
    opa: half("opa"),
    problem: null,
    lastBundlesPem: null,
    shared: null,
  };
}
