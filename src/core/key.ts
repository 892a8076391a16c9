import type { Instant } from "./clock.js";

/** What a key signs. One key for each purpose; no key serves two. */
export type KeyPurpose = "bundles" | "audit" | "webhooks";

/** Whose key it is: the server's own (both null), an organization's, or an environment's. */
export interface KeyOwner {
  /** UUID. */
  readonly orgId: string | null;
  /** UUID; only with `orgId`. */
  readonly environmentId: string | null;
}

/** A public key that this server signs with, or has signed with. */
export interface PublicKeyRecord extends KeyOwner {
  /** The first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  readonly purpose: KeyPurpose;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  readonly createdAt: Instant;
  /** The key id of the server's key that vouches for it: its successor, or for an organization's the server's own. */
  readonly endorsedBy: string | null;
  /** Base64, over keyEndorsementMessage; there is none without `endorsedBy`. */
  readonly endorsement: string | null;
}

/** The server's own keys. */
export const SERVER_KEY: KeyOwner = { orgId: null, environmentId: null };
