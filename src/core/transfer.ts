import type { Instant } from "./clock.js";

/** A public key of another site. */
export interface TrustedKey {
  /** The first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
}

/** A site whose exports an organization imports. */
export interface TrustedOrigin {
  /** UUID. */
  readonly id: string;
  readonly orgId: string;
  /** Unique in the organization. */
  readonly name: string;
  /** At least one; no key belongs to two origins of an organization. */
  readonly keys: readonly TrustedKey[];
  readonly createdAt: Instant;
  /** The prefix of the token that added it. */
  readonly createdBy: string;
}

/** The fields of an imported document besides its content. */
export interface ImportedDocument {
  readonly identity: {
    readonly bundleId: string;
    readonly orgId: string;
    readonly projectId: string;
    readonly environment: string;
    /** As in the document. */
    readonly publishedAt: string;
  };
  readonly policyHash: string;
  /** Base64. */
  readonly signature: string;
  readonly signatureV2: string;
  readonly bundleVersion: number;
  readonly keyId: string;
}

/** The origin of an imported bundle. It is deleted with the bundle. */
export interface BundleImport {
  /** The bundle that the import created here. */
  readonly bundleId: string;
  readonly environmentId: string;
  /** Of the original document's bytes, 64 hex digits. Unique in the environment. */
  readonly documentSha256: string;
  /** The name of the trusted origin at the time of the import. */
  readonly originName: string;
  /** The key that signed the provenance. */
  readonly keyId: string;
  /** The envelope, as it was imported. */
  readonly provenance: string;
  readonly document: ImportedDocument;
  /** The original JSON text of the policies; null if it is that of the bundle here. */
  readonly policies: string | null;
  /** The same for the scope policies, which differ when they were rewritten for the environment. */
  readonly scopePolicies: string | null;
  readonly importedAt: Instant;
  /** The prefix of the token that imported it. */
  readonly importedBy: string;
}
