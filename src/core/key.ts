import type { Instant } from "./clock.js";

/** What a key signs. One key for each purpose; no key serves two. */
export type KeyPurpose = "bundles" | "audit" | "webhooks";

/** A public key that this server signs with, or has signed with. */
export interface PublicKeyRecord {
  /** The first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  readonly purpose: KeyPurpose;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  readonly createdAt: Instant;
}
