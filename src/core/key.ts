import type { Instant } from "./clock.js";

/** What keys sign, in the order in which they are listed. */
export const KEY_PURPOSES = ["bundles", "audit", "webhooks", "attestation", "opa"] as const;

/**
 * What a key signs. Each purpose has its own key; that of `attestation` signs activations and leases (docs/trust.md), that of `opa` the
 * archives for Open Policy Agent (docs/opa.md). All are Ed25519, and that of `opa` is P-256.
 */
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/** The owner of a key: the server (both null), an organization, or an environment. */
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
  /** The key id of the server's key that endorses it: its successor, or for an organization's key the server's. */
  readonly endorsedBy: string | null;
  /** Base64 signature over keyEndorsementMessage; null without `endorsedBy`. */
  readonly endorsement: string | null;
  /** Since when nothing that it signed is accepted; null for a key that counts. */
  readonly retiredAt: Instant | null;
}

/** The purposes whose key is changed while the server runs: announced, activated, and at last retired. */
export type RotatedPurpose = "bundles" | "attestation";

/** The place of a private key of the server: the current key of a purpose, or the announced next one for bundles or attestation. */
export type KeySlot = KeyPurpose | "next" | "next-attestation";

/** Where the announced key of a purpose is. */
export const NEXT_SLOT: Readonly<Record<RotatedPurpose, KeySlot>> = {
  bundles: "next",
  attestation: "next-attestation",
};

/** A key of a server with several nodes, encrypted in the database (service/keys/key-sealer.ts). One for each place. */
export interface SealedKey {
  readonly slot: KeySlot;
  readonly keyId: string;
  /** JSON. Opens with the nodes' secret only, and only in this slot and with this key id. */
  readonly sealed: string;
  readonly createdAt: Instant;
}

/** The owner of the server's own keys. */
export const SERVER_KEY: KeyOwner = { orgId: null, environmentId: null };
